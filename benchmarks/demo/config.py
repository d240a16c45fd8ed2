"""The settings of the measurement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index.kinds import check_kinds, check_range


@dataclass(frozen=True)
class DemoConfig:
    """Measure the demo.

    Attributes:
        num_pairs: Pairs to sweep.
        guidance_scale: Classifier-free guidance.
        rule: How r* is read from the projections.
        json: File that receives the figures.
        picture: File that receives a sheet of some pairs: a row of sources, then one of each r.
        quick: 56 pairs.
    """

    num_pairs: int = 504
    guidance_scale: float = 7.5
    rule: str = "paper"
    json: Path | None = None
    picture: Path | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["num_pairs"], 1)
