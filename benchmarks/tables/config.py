"""The settings of the tables; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class TablesConfig:
    """Write the tables of README and docs, and compare the figures of their prose.

    Attributes:
        root: Folder of README.md and docs; the checkout's.
        results: Folder of the JSON files.
        check: Write nothing; fail if a table is not what its JSON gives.
    """

    root: Path = _ROOT
    results: Path = _ROOT / "benchmarks" / "results"
    check: bool = False
