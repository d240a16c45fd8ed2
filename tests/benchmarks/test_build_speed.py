"""The build-speed benchmark runs, and its two paths make the same pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.build_speed.growth import measure_growth, plot_growth
from benchmarks.build_speed.run import Config, main, make_job


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
    with pytest.raises(SystemExit, match="adds no noise"):
        main(Config(model=str(turbo_folder), quick=True))


def test_another_precision_is_reported_apart(stable_diffusion_folder: Path) -> None:
    model = str(stable_diffusion_folder)
    report = main(Config(model=model, num_inference_steps=4, dtype="bfloat16", quick=True))
    assert report["max_abs_difference"] < 1e-4  # of the paths, both in float32
    gap = report["precision_difference"]
    assert 0 < gap["mean"] < gap["max"]
    assert (report["dtype"], report["baseline_dtype"]) == ("bfloat16", "float32")


def test_growth_is_measured_and_drawn(stable_diffusion_folder: Path, tmp_path: Path) -> None:
    model = str(stable_diffusion_folder)
    job = make_job(Config(model=model, num_inference_steps=4, noise_ratios=(0.5, 1.0), pairs=2))
    growth = measure_growth(job, batch_size=8)
    assert [point["pairs"] for point in growth["pairs"]] == [1, 2]
    assert [point["pairs_made"] for point in growth["pairs"]] == [1, 2]
    assert [point["noise_ratios"] for point in growth["noise_ratios"]] == [1, 2]
    assert {point["pairs_made"] for point in growth["batch_size"]} == {2}
    assert all(point["seconds"] > 0 for points in growth.values() for point in points)
    path = tmp_path / "docs" / "growth.png"
    plot_growth(growth, 1.5, path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
