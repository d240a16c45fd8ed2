"""The settings of the demo's commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError
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
    vae_steps: int = 2500
    decoder_steps: int = 800
    unet_steps: int = 9000
    classes_steps: int = 0
    equivariance: float = 0.5
    min_snr: float | None = 5.0
    encoder_steps: int = 1500


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig:
    """Train a linear classifier with and without the demo's bank, and test both on new scenes.

    Attributes:
        bank: The bank that `python -m index.build` made.
        images: The images that it was made from, which the build left beside it.
        p: Probability with which an image is replaced by a negative.
        steps: Optimiser steps of each training.
        seeds: Trainings of each kind.
        batch_size: Images of one step.
        num_test: Held-out scenes of each class.
    """

    bank: Path = Path("genie-bank")
    images: Path = Path("demo-images")
    p: float = 0.5
    steps: int = 60
    seeds: int = 3
    batch_size: int = 16
    num_test: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "seeds", "batch_size", "num_test"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")
