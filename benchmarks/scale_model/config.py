"""The settings of the model; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError


@dataclass(frozen=True)
class ModelConfig:
    """Simulate builds on one worker to a thousand, and write folders of many shards.

    Attributes:
        workers: Numbers of workers.
        sizes: Pairs per shard.
        shards: Numbers of shards of the folders that are written.
        opened: Numbers of shards of the banks that are opened.
        hours: Between two deaths of a worker, on average.
        quick: Few workers, small plans and folders: does it run at all?
        seed: Of durations, stragglers and deaths.
        plot: File that receives the figure.
        json: File that receives the figures.
    """

    workers: tuple[int, ...] = (1, 4, 16, 64, 250, 1000)
    sizes: tuple[int, ...] = (15, 50, 150, 500, 1500, 5000)
    shards: tuple[int, ...] = (10_000, 50_000)
    opened: tuple[int, ...] = (1_000, 5_000)
    hours: float = 24.0
    quick: bool = False
    seed: int = 0
    plot: Path | None = None
    json: Path | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "sizes", "shards", "opened"):
            if not all(value > 0 for value in getattr(self, name)):
                raise UserError(f"{name} are numbers from 1 on, got {getattr(self, name)}")
        if not self.hours > 0:
            raise UserError(f"hours must be more than 0, got {self.hours}")
