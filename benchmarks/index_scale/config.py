"""The settings of the measurement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ScaleConfig:
    """Measure the index.

    Attributes:
        sizes: Numbers of vectors.
        queries: Vectors that are searched for.
        threads: Threads of FAISS; 0 for its default.
        quick: 2,000 vectors and 200 queries: does it run at all?
        json: File that receives the figures.
    """

    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    queries: int = 1000
    threads: int = 0
    quick: bool = False
    json: Path | None = None
