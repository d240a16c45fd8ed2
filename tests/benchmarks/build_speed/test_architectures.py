"""The published architectures run through the benchmark, made small; their full sizes are right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import SD3Transformer2DModel, UNet2DConditionModel

from benchmarks.build_speed.architectures import TRANSFORMER_SD3, UNET_SD15, UNET_SDXL
from benchmarks.build_speed.run import Config, main


@pytest.mark.parametrize("architecture", ["sd15", "sdxl", "sd3"])
def test_both_paths_agree(architecture: str, tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    config = Config(
        architecture=architecture,  # type: ignore[arg-type]
        tiny=True,
        rows=("float32",),
        noise_ratios=(0.5, 1.0),
        num_inference_steps=4,
        quick=True,
        json=out,
    )
    main(config)
    written = json.loads(out.read_text())
    [row] = written["rows"]
    assert row["max_abs_difference"] < 1e-4
    assert row["images_per_second"] == pytest.approx(2 * row["pairs_per_second"])
    assert (written["architecture"], written["resolution"]) == (architecture, 16)


@pytest.mark.parametrize(
    ("network", "settings", "millions"),
    [
        (UNet2DConditionModel, UNET_SD15, 860),
        (UNet2DConditionModel, UNET_SDXL, 2567),
        (SD3Transformer2DModel, TRANSFORMER_SD3, 2028),
    ],
)
def test_the_full_size_is_the_published_one(network: type, settings: dict, millions: int) -> None:
    with torch.device("meta"):
        made = network(**settings)
    assert sum(p.numel() for p in made.parameters()) // 10**6 == pytest.approx(millions, abs=60)
