"""The settings of the measurement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError

PARTS = ("plans", "indexes")
DISTRIBUTIONS = ("uniform", "clouds", "clustered")


@dataclass(frozen=True)
class ScaleConfig:
    """Measure the index and the planning of pairs.

    Attributes:
        parts: What to measure: plans, indexes.
        sizes: Numbers of vectors.
        distributions: How vectors are distributed: uniform, clouds, clustered.
        queries: Vectors that are searched for.
        plan_images: Images that pairs are planned from.
        plan_classes: Their classes.
        plan_pairs: Pairs that are planned.
        threads: Threads of FAISS; 0 for its default.
        quick: 2,000 vectors, 200 queries and 2,000 pairs: does it run at all?
        work: Folder that keeps what is measured; continued if it exists.
        json: File that receives the figures.
    """

    parts: tuple[str, ...] = PARTS
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    distributions: tuple[str, ...] = DISTRIBUTIONS
    queries: int = 1000
    plan_images: int = 1_280_000
    plan_classes: int = 1000
    plan_pairs: int = 1_000_000
    threads: int = 0
    quick: bool = False
    work: Path | None = None
    json: Path | None = None

    def __post_init__(self) -> None:
        for name, known in (("parts", PARTS), ("distributions", DISTRIBUTIONS)):
            unknown = [value for value in getattr(self, name) if value not in known]
            if unknown:
                raise UserError(f"{name} are some of {', '.join(known)}; got {unknown[0]!r}")
