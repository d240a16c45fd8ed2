"""The experiment at its smallest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.confounded.config import ConfoundedConfig
from benchmarks.confounded.run import main
from benchmarks.confounded.scenes import TESTS, own_backgrounds, tied_prompts
from benchmarks.measure import without_nan
from benchmarks.training import TrainingConfig
from genie_transforms import Bank, UserError

_ARMS = (
    "none",
    "txt2img-tied",
    "genie",
    "genie-tied",
    "real-g",
    "balanced+genie",
    "genie-0.6",
    "balanced+genie-p1.0",
)


def test_every_arm_is_tested_on_every_kind_of_background(tmp_path: Path) -> None:
    training = TrainingConfig(
        loss="balanced-softmax", model="linear", model_settings=("in_features=256",), num_steps=2,
        warmup_steps=1, batch_size=8, device="cpu",
    )  # fmt: skip
    config = ConfoundedConfig(
        largest=30, imbalance=3, num_test=2, per_class=1, confused=1, num_inference_steps=2,
        arms=_ARMS, seeds=(0, 1), training=training, device="cpu",
        work=tmp_path, json=tmp_path / "out.json", plot=tmp_path / "out.png",
    )  # fmt: skip
    result = main(config)
    assert [(e["seed"], e["arm"]) for e in result["arms"]] == [
        (s, a) for s in (0, 1) for a in _ARMS
    ]
    few = {
        (e["seed"], e["arm"], kind): e["tests"][kind]["few"]
        for e in result["arms"]
        for kind in TESTS
    }
    gaps = [
        (few[seed, "genie", "swapped"] - few[seed, "txt2img-tied", "swapped"])
        - (few[seed, "genie", "biased"] - few[seed, "txt2img-tied", "biased"])
        for seed in (0, 1)
    ]
    primary = result["prediction"]["(genie - txt2img-tied) on swapped - on biased"]
    assert primary["difference"] == pytest.approx(np.mean(gaps))
    low, high = primary["interval_images"]
    assert low <= primary["difference"] <= high
    assert set(result["oracle"]) == {
        "txt2img-tied",
        "genie",
        "genie-tied",
        "balanced+genie",
        "genie-0.6",
        "balanced+genie-p1.0",
    }
    assert "(genie-tied - txt2img-tied) on swapped - on biased" in result["prediction"]
    assert set(result["backgrounds"]["own_color"]) == {
        *("txt2img-tied", "genie", "genie-tied", "genie-0.6")
    }
    written = json.loads(config.json.read_text()) if config.json else {}
    assert written["settings"]["bias"] == 0.9
    assert (tmp_path / "out.png").stat().st_size > 5000
    # Prompts of the tied banks name the background.
    prompts = tied_prompts(own_backgrounds(0))
    for name in ("txt2img", "genie"):
        tied = Bank.open(tmp_path / "seed-0" / "tied" / "banks" / name, keep=None)
        assert all(row.prompt in prompts[tied.class_names[row.label]] for row in tied)
    banks = tmp_path / "seed-0" / "banks"
    ratios = {row.noise_ratio for row in Bank.open(banks / "genie-0.6", keep=None)}
    assert ratios == {np.float32(0.6)}
    # A second run finds everything there, and says the same.
    assert without_nan(main(config)["means"]) == without_nan(result["means"])


def test_settings_are_refused_before_anything_is_made() -> None:
    with pytest.raises(UserError, match="unknown arms"):
        ConfoundedConfig(arms=("genie", "magic"))
    with pytest.raises(UserError, match="bias must lie in"):
        ConfoundedConfig(bias=1.5)
    with pytest.raises(UserError, match="per_class must be at least 1"):
        ConfoundedConfig(per_class=0)
    assert len(ConfoundedConfig().arms) == 10  # those whose figures the document has
