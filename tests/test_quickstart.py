"""The notebook of the quick start runs from top to bottom, and shows what it has made."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOK = Path(__file__).parents[1] / "docs" / "quickstart.ipynb"
MOST_BYTES = 400_000


def read() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def shown(notebook: NotebookNode) -> list[list[str]]:
    """Name the kinds of what each cell shows, one after the other."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kinds = [[kind for output in cell.outputs for kind in kinds_of(output)] for cell in cells]
    return [list(dict.fromkeys(one)) for one in kinds]


def kinds_of(output: NotebookNode) -> list[str]:
    if output.output_type == "stream":
        return [output.name]
    return [kind for kind in output.data if kind != "text/plain"]


def test_it_runs_and_shows_what_was_committed(tmp_path: Path) -> None:
    notebook = read()
    committed = shown(notebook)
    folder = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, resources=folder).execute()  # raises what a cell raises
    assert shown(notebook) == committed
    assert committed == [["stdout"]] * 3 + [["image/png"], ["stdout"]] + [["image/png"]] * 2


def test_it_was_run_in_order_and_is_small() -> None:
    counts = [cell.execution_count for cell in read().cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert NOTEBOOK.stat().st_size < MOST_BYTES
