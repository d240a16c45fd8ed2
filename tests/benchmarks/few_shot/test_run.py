"""The whole few-shot evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.episodes.pool import Pool
from benchmarks.few_shot.config import FewShotConfig
from benchmarks.few_shot.run import main

STEPS = 4  # of the tiny pool


def test_the_whole_run_and_its_continuation(work: Path, tiny_pool: Pool, tmp_path: Path) -> None:
    config = FewShotConfig(
        work=work, episodes=6, k_shot=(1,), per_class=1, num_inference_steps=STEPS,
        arms=("genie-ada", "genie", "weak"), json=tmp_path / "f.json", plot=tmp_path / "f.png",
    )  # fmt: skip
    report = main(config)
    assert [entry["arm"] for entry in report["arms"]] == ["weak", "txt2img", "genie", "genie-ada"]
    by_name = {entry["arm"]: entry for entry in report["arms"]}
    kept = json.loads((work / "accuracies/logistic/1-shot/genie.json").read_text())
    base = json.loads((work / "accuracies/logistic/1-shot/txt2img.json").read_text())
    mine, theirs = np.array(kept["accuracies"]), np.array(base["accuracies"])
    assert by_name["genie"]["accuracy"] == pytest.approx(100 * mine.mean(), abs=0.006)
    gap = 100 * (mine - theirs).mean()
    assert by_name["genie"]["difference"] == pytest.approx(gap, abs=0.006)
    low, high = by_name["genie"]["difference_interval"]
    assert low <= by_name["genie"]["difference"] <= high
    assert by_name["txt2img"]["difference"] == 0
    # Every episode has the only support image of each of its classes: another one is unknown.
    assert by_name["genie"]["interval_images"] is None
    assert by_name["genie"]["difference_interval_images"] is None
    assert by_name["genie"]["episodes"] == 6
    assert "oracle_accuracy" in by_name["genie-ada"]
    assert "noise_ratio" not in by_name["weak"]
    assert (tmp_path / "f.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert json.loads((tmp_path / "f.json").read_text())["arms"] == report["arms"]

    before = (work / "accuracies/logistic/1-shot/genie.json").stat().st_mtime_ns
    assert main(config)["arms"] == report["arms"]
    assert (work / "accuracies/logistic/1-shot/genie.json").stat().st_mtime_ns == before


def test_arms_with_tokens_run_on_the_first_episodes(work: Path, tiny_pool: Pool) -> None:
    config = FewShotConfig(
        work=work, episodes=6, k_shot=(1,), per_class=1, num_inference_steps=STEPS,
        arms=("dafusion",), inversion_episodes=2, inversion_iterations=1,
    )  # fmt: skip
    entries = {entry["arm"]: entry for entry in main(config)["arms"]}
    assert (entries["dafusion"]["episodes"], entries["txt2img"]["episodes"]) == (2, 6)
    assert entries["dafusion"]["iterations"] == 1
    folder = work / "accuracies/logistic/1-shot"
    mine, base = (
        np.array(json.loads((folder / f"{name}.json").read_text())["accuracies"])
        for name in ("dafusion", "txt2img")
    )
    gap = 100 * (mine - base[:2]).mean()
    assert entries["dafusion"]["difference"] == pytest.approx(gap, abs=0.006)
