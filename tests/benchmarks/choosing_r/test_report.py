"""Agreement by hand, and the committed results as table and plot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.choosing_r.report import agreement, plot, table

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_agreement_by_hand() -> None:
    # The third pair is never accepted; of the others one agrees, one is a step and one two early.
    found = agreement([[2, 3], [1, 0]], [[2, 4], [8, 2]], never=8)
    assert found["same_r"] == pytest.approx(33.3, abs=0.05)
    assert found["within_one_step"] == found["before_the_oracle"] == pytest.approx(66.7, abs=0.05)
    # Ranks 2, 3, 1 against 1.5, 3, 1.5: Pearson's of these is 1.5 / sqrt(2 x 1.5).
    assert found["rank_correlation"] == pytest.approx(1.5 / 3**0.5, abs=0.001)
    assert agreement([[1, 1]], [[0, 1]], never=8)["rank_correlation"] is None


@pytest.mark.parametrize("name", ["choosing_r.json", "fashion-mnist/choosing_r.json"])
def test_committed_results_are_read(name: str, tmp_path: Path) -> None:
    entries = json.loads((RESULTS / name).read_text())["ways"]
    lines = table(entries).splitlines()
    assert len(lines) == 2 + len(entries)
    assert {line.count("|") for line in lines} == {12}
    halves = [e for e in entries if e["half"] != "few" and e["way"] == e["rule"]]
    plot(halves, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_the_table_is_the_document_s() -> None:
    """A row of docs/choosing-r.md, from the committed figures."""
    entries = json.loads((RESULTS / "choosing_r.json").read_text())["ways"]
    (row,) = [
        line
        for entry, line in zip(entries, table(entries).splitlines()[2:], strict=True)
        if (entry["half"], entry["k_shot"], entry["way"]) == ("confirmation", 5, "halfway")
    ]
    name, accuracy, to_paper = (cell.strip() for cell in row.split("|")[1:4])
    document = (RESULTS.parents[1] / "docs" / "choosing-r.md").read_text()
    assert f"| {name} | {accuracy} | {to_paper} |" in document
