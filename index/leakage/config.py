"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from index.device import AUTO
from index.embed import DUPLICATE_SIMILARITY
from index.kinds import check_kinds, check_range


@dataclass(frozen=True)
class LeakageConfig:
    """Compare a bank with a held-out set; exit with 1 on overlap, or if a file cannot be read.

    Attributes:
        bank: Folder of the bank.
        test: Folder of held-out images, with or without subfolders, which may be links.
        similarity: From this cosine on, two images are nearly the same.
        near: Held-out images that are nearly the same as a source count as overlap, too.
        device: Where the backbone runs: cpu, cuda, …; auto for the fastest there is.
        json: File that receives the report.
    """

    bank: tyro.conf.Positional[Path]
    test: Path
    similarity: float = DUPLICATE_SIMILARITY
    near: bool = False
    device: str = AUTO
    json: Path | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["similarity"], -1, 1)
