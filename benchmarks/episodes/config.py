"""Settings of every command whose episodes are drawn from the pool."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from genie_transforms import UserError

from .sets import DEMO_DATA, DataChoice


@dataclass(frozen=True, kw_only=True)
class EpisodeConfig:
    """Which pool, which episodes, and where the result goes.

    Attributes:
        work: Folder of the pool, the episodes and what was scored; made if it is not there,
            continued if it is not complete.
        data: Which images and models; the demo's own if not given.
        episodes: Episodes of each number of shots.
        k_shot: Support images of each class, one or several numbers.
        per_class: Support images of each class in the pool.
        num_inference_steps: Steps of the whole denoising.
        seed: Seed of episodes and of everything random.
        json: File that receives the figures.
        plot: File that receives the plot, a png.
        quick: 20 episodes, 6 support images of each class and 10 steps, to see that it works.
    """

    work: Path
    data: DataChoice = DEMO_DATA
    episodes: int = 200
    k_shot: tuple[int, ...] = (1, 5)
    per_class: int = 16
    num_inference_steps: int = 50
    seed: int = 0
    json: Path | None = None
    plot: Path | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        if not self.k_shot or min(self.k_shot) < 1:
            raise UserError(f"k_shot must be at least 1, got {self.k_shot}")

    def shared(self) -> dict[str, Any]:
        """Return the settings of this class by name, for another command on the same pool."""
        return {field.name: getattr(self, field.name) for field in fields(EpisodeConfig)}
