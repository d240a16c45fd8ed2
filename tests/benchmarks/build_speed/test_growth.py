"""The growth of the sweep's time is measured and drawn."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.build_speed.growth import measure_growth, plot_growth
from benchmarks.build_speed.run import Config, make_job
from index.diffusion import load_family

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_growth_is_measured_and_drawn(stable_diffusion_folder: Path, tmp_path: Path) -> None:
    model = str(stable_diffusion_folder)
    config = Config(model=model, num_inference_steps=4, noise_ratios=(0.5, 1.0), pairs=2)
    job = make_job(config, load_family(model))
    growth = measure_growth(job, batch_size=8)
    assert [point["pairs"] for point in growth["pairs"]] == [1, 2]
    assert [point["pairs_made"] for point in growth["pairs"]] == [1, 2]
    assert [point["noise_ratios"] for point in growth["noise_ratios"]] == [1, 2]
    assert {point["pairs_made"] for point in growth["batch_size"]} == {2}
    assert all(point["seconds"] > 0 for points in growth.values() for point in points)
    path = tmp_path / "docs" / "growth.png"
    plot_growth(growth, 1.5, path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_committed_results_are_read(tmp_path: Path) -> None:
    report = json.loads((RESULTS / "build_speed.json").read_text())
    exact = report["rows"][0]
    assert (exact["row"], report["native_bfloat16"]) == ("float32", True)
    assert exact["max_abs_difference"] < 2e-3
    plot_growth(report["growth"], 1 / exact["baseline_pairs_per_second"], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
