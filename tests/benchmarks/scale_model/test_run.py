"""The model runs, and its plans and prices are those of the library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.scale_model.config import ModelConfig
from benchmarks.scale_model.plans import Durations, counts_of
from benchmarks.scale_model.run import main
from index.plan import Plan


def test_quick(tmp_path: Path) -> None:
    content = main(ModelConfig(quick=True, json=tmp_path / "a.json", plot=tmp_path / "a.png"))
    assert (tmp_path / "a.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "a.json").read_text())["costs"] == content["costs"]
    # Half, …, nine tenths of 50 steps, and two rows each for the guidance.
    assert content["methods"]["genie-ada, full"]["network_rows"] == 2 * (25 + 30 + 35 + 40 + 45)
    assert content["methods"]["genie, r = 0.8"]["network_rows"] == 80
    alone = [row for row in content["workers"] if row["workers"] == 1]
    assert all(0.9 < row["efficiency"] <= 1 for row in alone)
    assert {row["executor"] for row in alone} == {"workers", "ranks", "ray"}


def test_shards_of_a_plan_by_hand() -> None:
    # Shards 0 0 0 | 0 1 1 | 2: the first has one image, the second two.
    sources = np.array([0, 0, 0, 0, 1, 1, 2])
    plan = Plan(sources, np.zeros_like(sources), np.zeros_like(sources), 3)
    pairs, images = counts_of(plan)
    assert (pairs.tolist(), images.tolist()) == ([3, 3, 1], [1, 2, 1])


def test_one_in_twenty_is_slow() -> None:
    slowness = Durations(1.0).slowness(40)
    assert sorted(slowness.tolist()) == [1.0] * 38 + [2.0] * 2
    assert Durations(1.0).slowness(1).tolist() == [1.0]
