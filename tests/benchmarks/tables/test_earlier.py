"""Documents say which of their figures were measured with earlier weights of the demo."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.tables.blocks import main
from benchmarks.tables.config import TablesConfig
from benchmarks.tables.earlier import OF_THE_DEMO, PHRASE, measured_earlier, missing_words
from index.demo import weights_digest

ROOT = Path(__file__).parents[3]
LINK = "see [demo.json](../benchmarks/results/demo.json)"


def _results(folder: Path, **weights: str) -> Path:
    folder.mkdir()
    for name, digest in weights.items():
        content = {"demo_weights": digest} if digest else {}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_results_of_other_weights_and_of_none_are_named(tmp_path: Path) -> None:
    results = _results(
        tmp_path / "results", demo=weights_digest(), price="0123456789ab", few_shot=""
    )
    assert measured_earlier(results) == ["few_shot.json", "price.json"]


def test_a_document_says_so_exactly_if_it_quotes_one(tmp_path: Path) -> None:
    old, new = (
        _results(tmp_path / "old", demo=""),
        _results(tmp_path / "new", demo=weights_digest()),
    )
    assert str(missing_words(LINK, old)).startswith("demo.json: measured with other weights")
    assert missing_words(f"{LINK}, of the demo's\nearlier models", old) is None
    assert missing_words(LINK, new) is None
    assert "no result of theirs" in str(missing_words(f"{LINK}, of {PHRASE}", new))
    assert missing_words("nothing of the demo", old) is None


def test_the_command_fails_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = _results(tmp_path / "results", demo="")
    (tmp_path / "README.md").write_text(LINK)
    with pytest.raises(ValueError, match="1 places of the prose"):
        main(TablesConfig(root=tmp_path, results=results))
    assert "README.md: demo.json: measured with other weights" in capsys.readouterr().out


def test_no_result_names_a_folder_of_a_machine() -> None:
    paths = (ROOT / "benchmarks" / "results").rglob("*.json")
    commands = {path.name: json.loads(path.read_text()).get("command", "") for path in paths}
    assert [name for name, command in commands.items() if " /" in command] == []


def test_make_results_measures_each_of_them() -> None:
    command = ["make", "--dry-run", "--always-make", "results"]
    plan = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in OF_THE_DEMO if f" --json {name}" not in plan] == []
