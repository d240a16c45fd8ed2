"""The committed results of the hardness benchmark, as text and plot."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.hardness.plot import plot
from benchmarks.hardness.run import line

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_committed_results_are_read(tmp_path: Path) -> None:
    results = json.loads((RESULTS / "hardness.json").read_text())["results"]
    assert len(results) == 8 * 3  # noise ratios, Ada's choice, Txt2Img and real images; plans
    assert all("off_diagonal" in line(entry) for entry in results)
    plot(results, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
