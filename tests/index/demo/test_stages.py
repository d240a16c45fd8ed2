"""The demo's training, with a dozen steps of each stage: its recipe runs from end to end."""

from __future__ import annotations

import json
from pathlib import Path

from index.demo.config import TrainConfig
from index.demo.stages import train
from index.diffusion import load_family

STAGES = ("vae", "decoder", "unet", "oracle", "encoder")


def test_the_recipe_leaves_a_pipeline_that_opens(tmp_path: Path) -> None:
    steps = {f"{name}_steps": 12 for name in STAGES}
    out = tmp_path / "not" / "there"
    train(TrainConfig(out=out, work=tmp_path / "work", scenes=140, objects=80, **steps))  # type: ignore[arg-type]
    report = json.loads((out / "train.json").read_text())
    assert set(report["seconds"]) == set(STAGES)  # no critic, nor what listens to it
    assert report["config"]["equivariance"] == 0.5
    assert report["config"]["min_snr"] == 5.0
    assert load_family(str(out / "pipeline")).vae.config.scaling_factor != 0.18215
    assert {path.name for path in out.iterdir()} == {
        *("pipeline", "encoder.safetensors", "oracle.safetensors", "train.json")
    }
