"""The plot of the throughput benchmark, from figures by hand and from the committed ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.throughput.plot import plot
from genie_transforms import UserError

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_each_part_can_be_drawn_alone(tmp_path: Path) -> None:
    timed = {"arm": "copy", "p": None, "in_place": True, "us_per_sample": 2.0}
    parts: dict[str, list[dict[str, Any]]] = {
        "batch": [{"dtype": dtype, **timed} for dtype in ("float32", "uint8")],
        "loader": [{"arm": "no augmentation", "num_workers": 0, "relative": 1.0}],
        "memory": [
            {"start": "fork", "rows": 9, "epoch": e, "private_mib": [2.0, 3.0]} for e in (1, 2)
        ],
        "size": [{"rows": 10**e, "open_ms": 1.0, "us_per_sample": 2.0} for e in (3, 4)],
    }
    for name, rows in parts.items():
        plot({name: rows}, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 1_000
    with pytest.raises(UserError, match="nothing to draw in the parts call; measure batch"):
        plot({"call": []}, tmp_path / "none.png")


def test_committed_results_are_read(tmp_path: Path) -> None:
    plot(json.loads((RESULTS / "throughput.json").read_text()), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
