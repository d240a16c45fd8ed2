"""The configuration of `benchmarks.unisiam`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError
from index.kinds import check_kinds


@dataclass(frozen=True, kw_only=True)
class UniSiamConfig:
    """Train an encoder without labels.

    Attributes:
        data: One of `benchmarks.datasets.DATASETS`; `folder` is an ImageFolder.
        root: The folder that holds it.
        split: The split to train on.
        test_split: The split to evaluate on; None for no evaluation.
        classes: Names or labels of the classes to train on; all of them if empty.
        class_split: Train on the base classes of the drawn split of this number, from 0, in place
            of `classes`; `benchmarks.few_shot --data.class-split` takes its novel ones.
        arch: One of `index.embed.UNISIAM`.
        resolution: Height and width of the views, and of the images that the encoder takes later.
        steps: Optimiser steps.
        batch_size: Images of a step, each in two views.
        learning_rate: The peak.
        uniformity: Weight of the uniformity term (the paper's lambda).
        temperature: Temperature of the uniformity term.
        min_area: Share of the image that the smallest crop takes.
        jitter: Brightness, contrast and saturation are scaled by up to 1 ± this.
        bf16: Run the network in bfloat16: faster where the processor has it.
        shots: Images that a class's centroid is the mean of, when the encoder is evaluated.
        work: Folder of the checkpoint; delete it to start again.
        out: File that receives the encoder and its heads.
        json: File that receives the figures; beside `out` by default.
        seed: Seed of weights, batches and views.
    """

    data: str
    root: Path
    split: str = "train"
    test_split: str | None = "test"
    classes: tuple[str, ...] = ()
    class_split: int | None = None
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
        check_kinds(self)
        from index.embed import UNISIAM  # needs torch, which --help does not

        if self.arch not in UNISIAM:
            raise UserError(f"unknown arch {self.arch!r}; choose among {', '.join(UNISIAM)}")
        least = {"resolution": 32, "steps": 20, "batch_size": 2, "shots": 1}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise UserError(f"{name} must be {lowest} or more, got {getattr(self, name)}")
        for name in ("learning_rate", "temperature", "min_area"):
            if getattr(self, name) <= 0:
                raise UserError(f"{name} must be positive, got {getattr(self, name)}")
        if self.min_area > 1:
            raise UserError(f"min_area must be 1 or less, got {self.min_area}")
        if not 0 <= self.jitter <= 1:
            raise UserError(f"jitter must lie in [0, 1], got {self.jitter}")
        if self.classes and self.class_split is not None:
            raise UserError("give classes or class_split, which draws them, not both")
        if self.split == self.test_split:
            raise UserError(f"{self.split!r} is trained on: give another test_split, or None")
