"""The settings of the measurement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.episodes import DEMO_DATA, DataChoice
from genie_transforms import UserError

BANKS: dict[str, dict[str, Any]] = {
    "genie-ada": {"method": "genie-ada"},
    "genie-0.8": {"method": "genie", "noise_ratio": 0.8},
    "genie-0.3": {"method": "genie", "noise_ratio": 0.3},
}
"""By name, how they are generated. At r = .3, hardly an image has left its source."""


@dataclass(frozen=True, kw_only=True)
class FiltersConfig:
    """Measure what each clause of a filter drops, and what that does to few-shot accuracy.

    Attributes:
        work: Folder of images, banks and what was scored; made if it is not there, continued if it
            is not complete.
        data: Which images and models; the demo's own if not given.
        banks: Names of the banks that are built and filtered.
        episodes: Episodes of each number of shots.
        k_shot: Support images of each class, one or several numbers.
        n_way: Classes of an episode.
        n_query: Query images of each class.
        per_class: Source images of each class, of which episodes take their support.
        num_inference_steps: Steps of the whole denoising.
        seed: Seed of episodes and of everything random.
        json: File that receives the figures.
    """

    work: Path
    data: DataChoice = DEMO_DATA
    banks: tuple[str, ...] = ("genie-ada", "genie-0.3")
    episodes: int = 100
    k_shot: tuple[int, ...] = (1, 5)
    n_way: int = 5
    n_query: int = 16
    per_class: int = 8
    num_inference_steps: int = 10
    seed: int = 0
    json: Path | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.banks) - set(BANKS))
        if unknown or not self.banks:
            raise UserError(f"unknown banks {unknown}; choose among {', '.join(BANKS)}")
        if not self.k_shot or not 1 <= min(self.k_shot) <= max(self.k_shot) <= self.per_class:
            raise UserError(
                f"k_shot must lie in [1, per_class], {self.per_class}, got {self.k_shot}"
            )
