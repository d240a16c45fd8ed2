"""The figures of the hardness benchmark by hand, and a quick run of the whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.hardness.compare import (
    COLUMNS,
    compare_plans,
    of_real_images,
    per_pair,
    resampled,
    summarize_plan,
)
from benchmarks.hardness.config import HardnessConfig
from benchmarks.hardness.judges import Judge
from benchmarks.hardness.plans import RANDOM, Swept
from benchmarks.hardness.run import main
from benchmarks.measure import without_nan
from genie_transforms import UserError


def test_pairs_by_hand() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]])
    # Predicted 0, 0, 2, 1: correct, as the source, as a third class, correct.
    places = np.zeros(4, dtype=np.int64)
    ids, source, target = np.array(["a"] * 4), np.array([2, 0, 0, 2]), np.array([0, 1, 1, 1])
    confusion = np.array([[0.9, 0.1, 0.0], [0.3, 0.5, 0.2], [0.0, 0.0, 1.0]])
    found = per_pair(shares, Swept(ids, source, target, places, torch.zeros(0)), confusion)
    assert found["off_diagonal"].tolist() == [0, 1, 1, 0]
    assert found["to_source"].tolist() == [0, 1, 0, 0]
    assert found["source_probability"].tolist() == [0.1, 0.6, 0.1, 0.25]
    # Of real images of the targets 0, 1, 1, 1 are .1, .5, .5, .5 predicted as another class, and
    # 0, .3, .3, .2 as the source's.
    beyond = {key: found[f"{key}_beyond_real"].tolist() for key in ("off_diagonal", "to_source")}
    assert beyond["off_diagonal"] == pytest.approx([-0.1, 0.5, 0.5, -0.5])
    assert beyond["to_source"] == pytest.approx([0, 0.7, -0.3, -0.2])
    real = of_real_images(Swept(ids, source, target, places, torch.zeros(0)), confusion)
    assert real["off_diagonal"] == pytest.approx([0.1, 0.5, 0.5, 0.5])
    assert real["to_source"].tolist() == [0, 0.3, 0.3, 0.2]


def test_source_images_are_drawn_with_all_of_their_pairs() -> None:
    values, ids = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 2])
    weights = np.array([[1.0, 1, 1], [2, 1, 0], [0, 0, 3]])
    # All; the first image twice and the second once; the third alone.
    everything = np.ones(4, dtype=bool)
    assert resampled(values, ids, weights, everything).tolist() == [3 / 4, 3 / 5, 1]
    # Of the pairs that count, the first image has a wrong one only, and the last has none.
    counted = np.array([False, True, True, False])
    found = resampled(values, ids, weights, counted)
    assert found[:2].tolist() == [1 / 2, 1 / 3]
    assert np.isnan(found[2])


def test_only_images_in_which_the_oracle_sees_the_target_count() -> None:
    # Two pairs at five r and by Txt2Img. The first pixel says what the judge sees, the second what
    # the oracle does: the source, 0, up to r = .6, then the target, 1, which the judge sees last.
    images = torch.zeros(2, 6, 3, 1, 2, dtype=torch.uint8)
    images[:, 2:, 0, 0, 1] = 1
    images[:, 4:, 0, 0, 0] = 1
    ids, source, target = np.array(["a", "b"]), np.array([0, 0]), np.array([1, 1])
    swept = Swept(ids, source, target, np.array([0, 3]), images)
    confusion = np.eye(2)

    def sees(place: int) -> Judge:
        return Judge(lambda pixels: np.eye(2)[pixels[:, 0, 0, place].numpy()], confusion)

    found = {e["noise_ratio"]: e for e in compare_plans({RANDOM: swept}, sees(0), sees(1))}
    assert tuple(found) == COLUMNS
    assert [found[r]["pairs"] for r in COLUMNS] == [0, 0, 2, 2, 2, 1, 2, 2]
    assert [found[r]["to_source"]["mean"] for r in (0.7, 0.8, 0.9, "ada", "txt2img", "real")] == [
        100, 100, 0, 100, 0, 0,
    ]  # fmt: skip
    assert np.isnan(found[0.5]["to_source"]["mean"])


def test_differences_are_paired() -> None:
    random = np.array([0.5, 0.4, 0.5, 0.6])
    found = summarize_plan(random + 0.1, random)
    assert (found["mean"], found["difference"]) == (60, 10)
    assert found["difference_interval"] == [10, 10]
    low, high = found["interval"]
    assert (low, high) == (pytest.approx(50.5), pytest.approx(69.5))


def test_a_quick_run_and_its_continuation(tmp_path: Path) -> None:
    config = HardnessConfig(
        work=tmp_path / "w", quick=True, real_per_class=3,
        json=tmp_path / "h.json", plot=tmp_path / "h.png",
    )  # fmt: skip
    report = main(config)
    entries = report["results"]
    assert len(entries) == len(COLUMNS) * 3  # plans
    assert {entry["pairs"] for entry in entries if entry["noise_ratio"] == "real"} == {14}
    base = [e["off_diagonal"]["difference"] for e in entries if e["plan"] == RANDOM]
    assert all(np.isnan(gap) or gap == 0 for gap in base)
    assert report["judges"]["oracle"] > report["judges"]["few real images"] > 1 / 14
    assert json.loads((tmp_path / "h.json").read_text())["results"] == without_nan(entries)
    assert (tmp_path / "h.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("data-*.arrow")}
    assert len(before) >= 3
    assert without_nan(main(config)["results"]) == without_nan(entries)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("data-*.arrow")} == before


def test_a_wrong_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="k must be less than the 14 classes, got 14"):
        HardnessConfig(work=tmp_path, k=14)
    with pytest.raises(UserError, match="per_class must be at least 1, got 0"):
        HardnessConfig(work=tmp_path, per_class=0)
