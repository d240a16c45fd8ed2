"""The build-speed benchmark runs, and its two paths make the same images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.build_speed.run import Config, main
from genie_transforms import UserError


@pytest.mark.parametrize("folder", ["stable_diffusion_folder", "sdxl_folder", "sd3_folder"])
def test_both_paths_agree(request: pytest.FixtureRequest, folder: str, tmp_path: Path) -> None:
    out = tmp_path / "results" / "build_speed.json"
    main(
        Config(
            model=str(request.getfixturevalue(folder)),
            noise_ratios=(0.5, 0.8, 1.0),
            num_inference_steps=10,
            quick=True,
            json=out,
        )
    )
    report = json.loads(out.read_text())
    assert report["max_abs_difference"] < 1e-4
    assert report["speedup"] > 0
    assert 0 < report["network_share"] < 1
    assert report["pairs_per_second"] > 0
    assert report["rows_per_second"] > report["pairs_per_second"]
    assert report["precision_difference"]["max"] == 0
    assert report["versions"]["diffusers"]


def test_a_sampler_that_adds_noise_cannot_be_compared(turbo_folder: Path) -> None:
    with pytest.raises(UserError, match="adds no noise"):
        main(Config(model=str(turbo_folder), quick=True))


def test_another_precision_is_reported_apart(stable_diffusion_folder: Path) -> None:
    model = str(stable_diffusion_folder)
    report = main(Config(model=model, num_inference_steps=4, dtype="bfloat16", quick=True))
    assert report["max_abs_difference"] < 1e-4  # of the paths, both in float32
    gap = report["precision_difference"]
    assert 0 < gap["mean"] < gap["max"]
    assert (report["dtype"], report["baseline_dtype"]) == ("bfloat16", "float32")
