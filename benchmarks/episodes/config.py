"""Settings of every command whose episodes are drawn from the pool."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from genie_transforms import UserError
from index.diffusion.inversion import Inversion

from .choice import DEMO_DATA, DataChoice
from .ratios import POOL_NOISE_RATIOS


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


@dataclass(frozen=True)
class PoolConfig:
    """What the pool holds.

    Attributes:
        work: Folder that receives it.
        per_class: Support images of each class.
        queries_per_class: Query images of each class, none of them a support image.
        variations: How often each support image is made again within its class.
        num_inference_steps: Steps of the whole denoising.
        noise_ratios: The sweep, increasing.
        data: Which images and models.
    """

    work: Path
    per_class: int = 16
    queries_per_class: int = 40
    variations: int = 4
    num_inference_steps: int = 50
    noise_ratios: tuple[float, ...] = POOL_NOISE_RATIOS
    data: DataChoice = DEMO_DATA


@dataclass(frozen=True)
class InversionRun:
    """Where tokens are kept, and how they are learned.

    Attributes:
        folder: Receives tokens and images; continued if it exists.
        inversion: How tokens are learned.
    """

    folder: Path
    inversion: Inversion
