"""The settings of the training; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genie_transforms import UserError
from index.kinds import check_kinds, check_range
from index.train import StageConfig


@dataclass(frozen=True, kw_only=True)
class SmallPipelineConfig(StageConfig):
    """Train a small pipeline on the training split of a dataset.

    Attributes:
        data: One of `benchmarks.datasets.DATASETS`; `folder` is an ImageFolder.
        root: The folder that holds it.
        resolution: Height and width of images, a multiple of 16; the time goes with its square.
        shift: Rise of the schedule's log-SNR (see `index.train.models.shifted_betas`): the larger,
            the later the class switches.
        held_out: Images of the test split that the models are evaluated on; of a folder without
            splits, at most a tenth of its images, which are then not learned from.
        half: Train on the generator's half of each class only, so that a classifier may learn from
            the other (`benchmarks.long_tail`).
        largest: Train on a long-tailed subset alone, the very images that `benchmarks.long_tail`
            draws with the same half, --largest, --imbalance and seed; this many of the largest
            class. Those of the others are repeated, so that every class is seen as often.
        imbalance: Size of the largest class over that of the smallest.
        leave_out: Classes whose images are not learned from, by the names of their folders;
            prompts may still name them.
    """

    data: str
    root: Path
    resolution: int = 32
    shift: float = 2.0
    held_out: int = 1000
    half: Literal["generator", "classifier", "whole"] = "whole"
    largest: int | None = None
    imbalance: float | None = None
    leave_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_kinds(self)
        super().__post_init__()
        if self.resolution < 32 or self.resolution % 16:
            raise UserError(
                f"resolution must be a multiple of 16, 32 or more, got {self.resolution}"
            )
        if (self.largest is None) != (self.imbalance is None):
            raise UserError(
                "a long-tailed subset needs --largest and --imbalance, got "
                f"{self.largest} and {self.imbalance}: give both, or none for all images"
            )
        check_range(self, ["largest", "imbalance"], 1)
