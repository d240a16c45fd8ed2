"""The finished shards of a folder, by their statistics; files may come and go meanwhile."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genie_transforms import BankFormatError
from genie_transforms.format import bank_file, read_json, stats_checksum
from index.store import finished_shards

_NAME = re.compile(r"data-(\d{5,9})-of-(\d{5,9})\.arrow")


@dataclass(frozen=True)
class ShardSeen:
    """A finished shard.

    Attributes:
        entry: Name, rows and SHA-256 of its file.
        of: Shards of its plan.
        rows: Pairs that were made.
        reasons: Why pairs failed, and how many.
        reused: Pairs that an earlier build had made.
        network_rows: Rows that went through the denoiser.
        seconds: Duration of each stage.
        ended: When it was made, in seconds since 1970.
    """

    entry: dict[str, Any]
    of: int
    rows: int
    reasons: Counter[str]
    reused: int
    network_rows: int
    seconds: dict[str, float]
    ended: float

    @property
    def pairs(self) -> int:
        """Pairs that were made or failed."""
        return self.rows + self.reasons.total()


def see_shards(bank: Path) -> tuple[list[ShardSeen], dict[str, str]]:
    """Return the finished shards, and what is wrong with others by the name of the file."""
    shards, faults = [], {}
    try:
        numbers = sorted(finished_shards(bank))
        has_embeddings = (bank / "embeddings").is_dir()
    except OSError:  # the folder goes while it is listed
        return [], {}
    for number in numbers:
        name = f"stats/{number:05d}.json"
        try:
            shards.append(_see(bank, name, number, has_embeddings))
        except (BankFormatError, KeyError, TypeError, ValueError, OSError) as error:
            # The statistics go first when a shard is dropped or set aside: then it is no shard.
            if os.path.lexists(bank / name):
                is_told = isinstance(error, BankFormatError)
                faults[name] = str(error) if is_told else "it does not hold statistics of a shard"
    return shards, faults


def _see(bank: Path, name: str, number: int, has_embeddings: bool) -> ShardSeen:
    """Read the statistics of a shard, and look whether its files are there.

    Raises:
        BankFormatError: They are damaged, or the files are not there.
        KeyError, TypeError, ValueError: They hold something else.
        OSError: A file went just now.
    """
    stats = read_json(bank, name)
    if "checksum" in stats and stats_checksum(stats) != stats["checksum"]:
        raise BankFormatError(f"{bank / name} has another checksum than its own")
    entry = stats["shard"]
    found = _NAME.fullmatch(entry["name"])
    if found is None or int(found[1]) != number:
        raise ValueError(entry["name"])
    data, embeddings = bank_file(bank, entry["name"]), f"embeddings/{number:05d}.arrow"
    # The data is written again when rows are marked at the end, embeddings are not.
    made = bank_file(bank, embeddings) if has_embeddings else data
    return ShardSeen(
        entry={key: entry[key] for key in ("name", "rows", "sha256")},
        of=int(found[2]),
        rows=_count(entry["rows"]),
        reasons=_reasons(stats["failures"]),
        reused=_count(stats.get("reused", 0)),
        network_rows=_count(stats["network_rows"]),
        seconds=_seconds(stats["seconds"]),
        ended=made.stat().st_mtime,
    )


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(value)
    return value


def _reasons(failures: Any) -> Counter[str]:
    if not isinstance(failures, list):
        raise TypeError(failures)
    return Counter(str(failure["reason"]) for failure in failures)


def _seconds(content: Mapping[str, Any]) -> dict[str, float]:
    seconds = {str(stage): float(value) for stage, value in dict(content).items()}
    if not all(map(math.isfinite, seconds.values())):
        raise ValueError(content)
    return seconds
