"""The benchmark's parts run on a small scale and give the figures that they promise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.throughput.batches import measure_batches, measure_calls
from benchmarks.throughput.loaders import loader_arms, measure_sizes
from benchmarks.throughput.plot import plot
from benchmarks.throughput.run import Config, main
from benchmarks.throughput.synthetic import write_bank, write_bank_of, write_folder
from genie_transforms import Bank

FLOATS = ["copy", "v2.CutMix", "v2.MixUp", "timm.CutMix", "timm.Mixup"]
FLOATS += ["kornia.CutMix", "kornia.MixUp"]


def test_batches_and_their_plot(tmp_path: Path) -> None:
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
    memory = [{"start": "fork", "rows": 9, "epoch": e, "private_mib": [2.0, 3.0]} for e in (1, 2)]
    sizes = [{"rows": 10**e, "open_ms": 1.0, "us_per_sample": 2.0} for e in (3, 4)]
    loader = [{"arm": "no augmentation", "num_workers": 0, "relative": 1.0}]
    result = {"batch": rows, "memory": memory, "size": sizes, "loader": loader}
    plot(result, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
    with pytest.raises(ValueError, match="nothing to draw"):
        plot({"call": []}, tmp_path / "none.png")


def test_calls_cost_something(tmp_path: Path) -> None:
    rows = measure_calls(Bank.open(write_bank(tmp_path / "bank", 200, 100, 16)), 16, rounds=2)
    assert all(row["us_per_sample"] > 0 for row in rows)


def test_parts_are_measured_one_by_one_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "throughput.json"
    small: dict[str, Any] = {"size": 16, "batch_size": 4, "rows": 200, "rounds": 2, "json": path}
    main(Config(only=("call",), **small))
    main(Config(only=("batch",), **small))
    result = json.loads(path.read_text())
    assert {row["dtype"] for row in result["batch"]} == {"float32", "uint8"}
    assert any(row["arm"] == "kept" for row in result["call"])
    assert sorted(result["runs"]) == ["batch", "call"]
    assert result["runs"]["call"]["machine"]["cores"] >= 1
    with pytest.raises(ValueError, match="image_size 16, this run 32"):
        main(Config(only=("call",), **{**small, "size": 32}))


def test_every_loader_gives_every_image(tmp_path: Path) -> None:
    photos = write_folder(tmp_path / "photos", 20, 10, 16)
    bank = Bank.open(write_bank_of(tmp_path / "bank", photos, 10, 16))
    for loader in loader_arms(photos, bank, 16, num_workers=0).values():
        assert sum(len(labels) for _, labels in loader) == 20


def test_sizes(tmp_path: Path) -> None:
    rows = measure_sizes(tmp_path, quick=True)
    assert [row["rows"] for row in rows] == [1_000, 10_000]
    assert all(row["pickle_bytes"] < 64 * 1024 for row in rows)
