"""The shards of a bank: write one, list the finished ones, read their rows.

A shard is finished when its stats file exists: data is written to a temporary name, flushed to
disk and renamed, and only then are the stats written, in the same way. Whatever was interrupted
before that is simply done again. The stats hold the checksums of data and embeddings, and one of
their own (see `check`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms.format import arrow_schema, atomic_path, shard_name, write_json
from genie_transforms.format import read_shard as read_shard_file
from genie_transforms.format import write_shard as write_shard_file

_STATS = re.compile(r"\d{5,}\.json")

_IMAGE_COLUMNS = ("image", "sweep")
"""Nearly all bytes of a shard: read only by those who ask for them."""


def stats_path(out: Path, index: int) -> Path:
    """Return the stats file of a shard: `stats/00000.json`."""
    return out / "stats" / f"{index:05d}.json"


def shard_path(out: Path, index: int) -> Path:
    """Return the file of a finished shard's rows: `data-00000-of-00042.arrow`."""
    # The stats know the name: it counts all shards, and this build may plan another number.
    return out / str(_entry(out, index)["name"])


def num_rows(out: Path, index: int) -> int:
    """Count the rows of a finished shard, without opening it."""
    return int(_entry(out, index)["rows"])


def finished_shards(out: Path) -> set[int]:
    """Return the numbers of the shards that need not be run again."""
    # By what is in the folder alone: no list could be out of date after an interruption.
    return {
        int(path.stem) for path in (out / "stats").glob("*.json") if _STATS.fullmatch(path.name)
    }


def is_finished(out: Path, index: int) -> bool:
    """Tell whether a shard need not be run again."""
    return stats_path(out, index).is_file()


def stale_shards(out: Path) -> list[int]:
    """List the finished shards that hold a stale row."""
    return [
        index
        for index in sorted(finished_shards(out))
        if any(read_shard(out, index, ["stale"])["stale"].to_pylist())
    ]


def write_shard(
    out: Path,
    index: int,
    num_shards: int,
    rows: Sequence[dict[str, Any]],
    class_names: Sequence[str],
    stats: dict[str, Any],
    *,
    keep_sweep: bool = False,
) -> None:
    """Write the rows of a shard, then its stats, which mark it as finished.

    Args:
        out: Folder of the bank.
        index: Number of the shard.
        num_shards: Shards of the plan.
        rows: One dict a row, in the columns of a bank.
        class_names: Names of the classes; labels are positions in it.
        stats: What else the stats file holds, ready for JSON: `embeddings`, what
            `write_embeddings` returned; `build`, the `identity` of the build; costs and failures.
        keep_sweep: Whether rows have the column `sweep`.
    """
    schema = arrow_schema(class_names, keep_sweep=keep_sweep)
    table = pa.Table.from_pylist(list(rows), schema=schema)
    entry = write_shard_file(out / shard_name(index, num_shards), table)
    write_stats(out, index, {"shard": entry, **stats})


def write_stats(out: Path, index: int, stats: Mapping[str, Any]) -> None:
    """Write the stats of a shard with their own checksum."""
    content = {key: value for key, value in stats.items() if key != "checksum"}
    write_json(stats_path(out, index), {**content, "checksum": checksum(content)})


def checksum(stats: Mapping[str, Any]) -> str:
    """Return the SHA-256 of stats without their own checksum."""
    content = {key: value for key, value in stats.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def built_by(out: Path, index: int) -> dict[str, str] | None:
    """Return the `identity` of the build that a shard is of.

    Returns:
        None for damaged stats, and for those of a release that did not write it.
    """
    try:
        said = json.loads(stats_path(out, index).read_text(encoding="utf-8"))["build"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return said if isinstance(said, dict) and said.keys() >= {"scope", "plan"} else None


def replace_shard(out: Path, index: int, name: str, column: pa.Array) -> None:
    """Replace one column of a finished shard.

    Args:
        out: Folder of the bank.
        index: Number of the shard.
        name: Name of the column.
        column: Its new values, one a row, of the same type.
    """
    # A new file takes the name of the old one: hard links in a store keep what they were given.
    path = stats_path(out, index)
    stats = json.loads(path.read_text())
    file = out / stats["shard"]["name"]
    table = read_shard_file(file)
    place = table.schema.get_field_index(name)
    table = table.set_column(place, table.schema.field(place), column)
    with atomic_path(file) as temporary:
        # Both checksums stay: if this is interrupted, the old file is a sound one, too.
        stats["replaced_sha256"] = stats["shard"]["sha256"]
        stats["shard"]["sha256"] = write_shard_file(temporary, table)["sha256"]
        # Stats first: if this is interrupted, the old column shows that it has to be done again.
        write_stats(out, index, stats)


def read_stats(out: Path) -> list[dict[str, Any]]:
    """Read the stats of all finished shards, in order."""
    return [read_shard_stats(out, index) for index in sorted(finished_shards(out))]


def read_shard_stats(out: Path, index: int) -> dict[str, Any]:
    """Read the stats of a finished shard."""
    stats: dict[str, Any] = json.loads(stats_path(out, index).read_text())
    return stats


def read_table(out: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of all finished shards, in order; images only if they are asked for.

    Args:
        out: Folder of the bank.
        columns: Names of columns; all but `image` and `sweep` if not given.
    """
    return pa.concat_tables(
        [read_shard(out, index, columns) for index in sorted(finished_shards(out))]
    )


def read_shard(out: Path, index: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of a finished shard; see `read_table`."""
    table = read_shard_file(shard_path(out, index))
    return table.select(
        columns or [name for name in table.column_names if name not in _IMAGE_COLUMNS]
    )


def _entry(out: Path, index: int) -> dict[str, Any]:
    """Read the manifest's entry of a finished shard: its name, rows and SHA-256."""
    entry: dict[str, Any] = read_shard_stats(out, index)["shard"]
    return entry
