"""The build-speed benchmark runs, and its two paths make the same images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.build_speed.run import Config, has_bfloat16, main
from genie_transforms import UserError


@pytest.mark.parametrize("folder", ["stable_diffusion_folder", "sdxl_folder", "sd3_folder"])
def test_both_paths_agree(request: pytest.FixtureRequest, folder: str, tmp_path: Path) -> None:
    out = tmp_path / "results" / "build_speed.json"
    main(
        Config(
            model=str(request.getfixturevalue(folder)),
            noise_ratios=(0.5, 0.8, 1.0),
            num_inference_steps=10,
            rows=("float32",),
            quick=True,
            json=out,
        )
    )
    written = json.loads(out.read_text())
    [report] = written["rows"]
    assert report["max_abs_difference"] < 1e-4
    assert report["speedup"] > 0
    assert 0 < report["network_share"] < 1
    assert report["pairs_per_second"] > 0
    assert report["rows_per_second"] > report["pairs_per_second"]
    assert (report["dtype"], report["compile"]) == ("float32", False)
    assert written["versions"]["diffusers"]


def test_a_sampler_that_adds_noise_cannot_be_compared(turbo_folder: Path) -> None:
    with pytest.raises(UserError, match="adds no noise"):
        main(Config(model=str(turbo_folder), quick=True))


def test_both_paths_have_the_precision_of_their_row(
    stable_diffusion_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(stable_diffusion_folder)
    config = Config(model=model, num_inference_steps=4, rows=("float32", "low"), quick=True)
    exact, low = main(config)["rows"]
    assert exact["max_abs_difference"] < 1e-4 < low["max_abs_difference"]
    assert low["mean_abs_difference"] < low["max_abs_difference"]
    assert [row["dtype"] for row in (exact, low)] == ["float32", "bfloat16"]
    assert ("it is emulated" in capsys.readouterr().out) == (has_bfloat16() is False)
