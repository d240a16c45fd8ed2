"""The price of recipes: what they send through the network is counted, and figures are paired."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.price.config import PAPER, RECIPES, PriceConfig
from benchmarks.price.run import figure, main
from genie_transforms import UserError
from index.config import BuildConfig


def test_all_recipes_can_be_built() -> None:
    for settings in RECIPES.values():
        BuildConfig(**settings)
    assert BuildConfig(**RECIPES[PAPER]) == BuildConfig()


def test_a_difference_is_paired() -> None:
    paper = np.array([0.0, 0.5, 1.0, 0.25])
    found = figure(paper + 0.25, paper)
    assert found["mean"] == 0.6875
    assert found["difference"] == 0.25
    assert found["difference_interval"] == [0.25, 0.25]


def test_an_unknown_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown recipes"):
        PriceConfig(work=tmp_path, recipes=("free",))


def test_a_small_run_ends_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = {PAPER: {"noise_ratios": (0.6, 0.9), "num_inference_steps": 2},
             "txt2img": {"method": "txt2img", "num_inference_steps": 2}}  # fmt: skip
    for module in ("config", "banks", "run"):
        monkeypatch.setattr(f"benchmarks.price.{module}.RECIPES", cheap)
    out = tmp_path / "price.json"
    config = PriceConfig(
        work=tmp_path / "work", per_class=2, episodes=3, k_shot=(1,), json=out,
        plot=tmp_path / "price.png",
    )  # fmt: skip
    main(config)
    paper, txt2img = json.loads(out.read_text())["recipes"]
    assert (paper["recipe"], paper["dataset"], paper["pairs"]) == (PAPER, "demo", 60)
    assert paper["few_shot_1"]["difference_interval"] == [0.0, 0.0]
    assert paper["worse_than_paper"] == []
    assert txt2img["rows_per_pair"] == 4  # two steps, each with guidance
    assert txt2img["mean_noise_ratio"] == 1
    assert txt2img["rows_per_true_negative"] is None or txt2img["rows_per_true_negative"] >= 4
    assert txt2img["background_psnr_db"]["difference"] < 0
    assert (tmp_path / "price.png").stat().st_size > 1000
