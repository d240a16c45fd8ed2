"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Config:
    """Measure the modes of GeNIe-Ada.

    Attributes:
        pairs: Pairs to make, in one shard.
        dtype: Precision of the network.
        batch_size: Rows of one network call at most.
        json: File that receives the figures.
        plot: File that receives the trade-off, a png.
        quick: 64 pairs and fewer modes.
    """

    pairs: int = 504
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch_size: int = 64
    json: Path | None = None
    plot: Path | None = None
    quick: bool = False
