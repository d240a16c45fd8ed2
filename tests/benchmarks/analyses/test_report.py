"""The tables and plots of the analyses, of new and of committed results."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.analyses.report import TABLES, as_table, plot

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_the_table_shows_the_papers_figures() -> None:
    entry = {
        "arm": "r = 0.8", "k_shot": 5, "baseline": "txt2img", "failed": [], "accuracy": 77.6,
        "interval": 1.8, "difference": 2.7, "difference_interval": [0.6, 4.8], "noise_ratio": 0.8,
        "oracle_accuracy": 99.0, "network_rows": 80.0, "per_class": 20,
    }  # fmt: skip
    row = as_table("noise_ratio", [entry]).splitlines()[-1]
    assert row == (
        "| 5 | r = 0.8 | 20 | 77.6 ± 1.8 | +2.7 (+0.6 … +4.8) | 0.80 | 99.0 | 80 "
        "| 87.2, oracle 98.2 |"
    )


def test_committed_results_are_still_read(tmp_path: Path) -> None:
    found = json.loads((RESULTS / "analyses.json").read_text())
    assert set(TABLES) <= set(found)
    for name in TABLES:
        rows = as_table(name, found[name]).splitlines()
        assert len(rows) == len(found[name]) + 4  # title, blank line, head and rule
    plot(found, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
