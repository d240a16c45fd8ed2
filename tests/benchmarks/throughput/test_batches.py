"""Batches and single images are timed on a small scale, each arm in its turn."""

from __future__ import annotations

from pathlib import Path

from benchmarks.throughput.batches import measure_batches, measure_calls
from benchmarks.throughput.synthetic import write_bank
from genie_transforms import Bank

FLOATS = ["copy", "v2.CutMix", "v2.MixUp", "timm.CutMix", "timm.Mixup"]
FLOATS += ["kornia.CutMix", "kornia.MixUp"]


def test_every_arm_is_timed_in_every_dtype(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", 200, 100, 16))
    assert bank.verify() == []
    rows = measure_batches(bank, batch_size=4, size=16, rounds=3)
    for dtype, others in (("float32", FLOATS), ("uint8", ["copy", "v2.CutMix", "timm.CutMix"])):
        mine = [row for row in rows if row["dtype"] == dtype]
        assert sorted({row["arm"] for row in mine}) == sorted(["GeNIeTransform", *others])
        ours = [(row["p"], row["in_place"]) for row in mine if row["arm"] == "GeNIeTransform"]
        assert ours == [(0.5, False), (0.5, True), (1.0, False), (1.0, True)]
    for row in rows:
        low, high = row["quartiles"]
        assert 0 < row["fastest"] <= row["us_per_sample"]
        assert low <= row["us_per_sample"] <= high


def test_calls_cost_something(tmp_path: Path) -> None:
    rows = measure_calls(Bank.open(write_bank(tmp_path / "bank", 200, 100, 16)), 16, rounds=2)
    assert all(row["us_per_sample"] > 0 for row in rows)
