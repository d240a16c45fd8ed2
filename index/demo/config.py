"""The settings of the demo's training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index.train import StageConfig

HERE = Path(__file__).parent  # where `weights` looks for what is trained


@dataclass(frozen=True, kw_only=True)
class TrainConfig(StageConfig):
    """Train the demo's models.

    Attributes:
        out: Folder that receives `pipeline/`, `encoder.safetensors`, `oracle.safetensors` and
            `train.json`.
        work: Folder of checkpoints; delete it to start again.
        scenes: Training scenes in all.
        objects: Objects of base classes that the backbone sees.
        encoder_steps: Optimiser steps of the backbone.
    """

    out: Path = HERE
    work: Path = Path("demo-training")
    scenes: int = 42_000
    objects: int = 8000
    encoder_steps: int = 1500
