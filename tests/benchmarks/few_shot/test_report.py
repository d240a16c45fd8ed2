"""The table and plot of the few-shot evaluation, of new and of committed results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.few_shot.report import plot, summarize_arm, table


def test_failed_episodes_are_listed_and_not_dropped(tmp_path: Path) -> None:
    scores = np.array([0.5, np.nan, 0.7])
    failed = [{"episode": 1, "reason": "no convergence"}]
    entry = summarize_arm("genie", 1, scores, np.array([0.4, 0.4, 0.4]), {}, failed)
    assert (entry["episodes"], entry["failed"]) == (3, failed)
    assert (entry["accuracy"], entry["difference"]) == (60.0, 20.0)
    nothing = summarize_arm("weak", 1, np.array([np.nan]), np.array([0.4]), {}, failed)
    assert nothing["accuracy"] is None
    assert nothing["difference_interval"] == [None, None]
    lines = table([entry, nothing], 1).splitlines()
    assert lines[2].startswith("| genie (1 failed) | 60.0 ± 13.9 | +20.0 (+10.0 … +30.0) | – |")
    assert lines[2].endswith("| 77.3 |")
    plot([entry, nothing], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
COMMITTED = ("few_shot.json", "fashion-mnist/few_shot.json", "fashion-mnist/few_shot_late.json")


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_results_are_still_read(name: str, tmp_path: Path) -> None:
    entries = json.loads((RESULTS / name).read_text())["arms"]
    for k_shot in sorted({entry["k_shot"] for entry in entries}):
        lines = table(entries, k_shot).splitlines()[2:]
        arms = [entry["arm"] for entry in entries if entry["k_shot"] == k_shot]
        assert [line.split()[1] for line in lines] == arms
    plot(entries, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_intervals_over_images_stand_behind_those_over_episodes() -> None:
    scores = np.array([0.5, 0.7])
    entry = summarize_arm("genie", 1, scores, np.array([0.4, 0.4]), {}, [])
    entry |= {"interval_images": 20.5, "difference_interval_images": None}
    line = table([entry], 1).splitlines()[2]
    assert line.startswith("| genie | 60.0 ± 13.9 / 20.5 | +20.0 (+10.0 … +30.0) / – |")
