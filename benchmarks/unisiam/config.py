"""The configuration of `benchmarks.unisiam`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index.embed import UNISIAM


@dataclass(frozen=True, kw_only=True)
class UniSiamConfig:
    """Train an encoder without labels.

    Attributes:
        data: One of `benchmarks.datasets.DATASETS`; `folder` is an ImageFolder.
        root: The folder that holds it.
        split: The split that is trained on.
        test_split: The split that is measured on; None to measure nothing.
        classes: Names or labels of the classes that are trained on; all of them if empty.
        arch: One of `index.backbones.UNISIAM`.
        resolution: Height and width of the views, and later of what the encoder sees.
        steps: Optimiser steps.
        batch_size: Images of a step, each seen in two views.
        learning_rate: The peak.
        uniformity: Weight of the uniformity term (the paper's lambda).
        temperature: Temperature of the uniformity term.
        min_area: Share of the picture that the smallest crop takes.
        jitter: Brightness, contrast and saturation are scaled by up to 1 ± this.
        bf16: Run the network in bfloat16: faster where the processor has it.
        shots: Images of a class that its centroid is the mean of, when the encoder is measured.
        work: Folder of the checkpoint; delete it to start afresh.
        out: File that receives the encoder and its heads.
        json: File that receives the figures; beside `out` by default.
        seed: Seed of weights, batches and views.
    """

    data: str
    root: Path
    split: str = "train"
    test_split: str | None = "test"
    classes: tuple[str, ...] = ()
    arch: str = "resnet18"
    resolution: int = 64
    steps: int = 5000
    batch_size: int = 128
    learning_rate: float = 1e-4
    uniformity: float = 0.1
    temperature: float = 2.0
    min_area: float = 0.2
    jitter: float = 0.4
    bf16: bool = False
    shots: int = 20
    work: Path
    out: Path
    json: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.arch not in UNISIAM:
            raise ValueError(f"unknown arch {self.arch!r}; choose among {', '.join(UNISIAM)}")
        least = {"resolution": 32, "steps": 20, "batch_size": 2, "shots": 1}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise ValueError(f"{name} must be {lowest} or more, got {getattr(self, name)}")
        for name in ("learning_rate", "temperature", "min_area"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.min_area > 1:
            raise ValueError(f"min_area must be 1 or less, got {self.min_area}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter must lie in [0, 1], got {self.jitter}")
        if self.split == self.test_split:
            raise ValueError(f"{self.split!r} is trained on: give another test_split, or None")
