"""The settings of the measurement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Part = Literal["batch", "call", "loader", "memory", "size"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Measure the transform against MixUp, CutMix and a plain copy.

    Attributes:
        size: Height and width of the images, in pixels.
        batch_size: Images in a batch.
        rows: Rows of the bank, all in the decoded cache.
        rounds: How often each arm runs.
        quick: Few rounds, small loaders, banks up to 10 K rows: under 3 minutes.
        only: Parts to measure.
        json: Where to write the figures, beside the parts that are there already.
        plot: Where to draw them.
    """

    size: int = 224
    batch_size: int = 128
    rows: int = 1024
    rounds: int = 31
    quick: bool = False
    only: tuple[Part, ...] = ("batch", "call", "loader", "memory", "size")
    json: Path | None = None
    plot: Path | None = None
