"""Find the finished shards that are damaged, and drop them: the build makes them again."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from genie_transforms import BankError
from genie_transforms.format import MANIFEST, read_shard, sha256_of

from .embeddings import embeddings_path
from .shards import checksum, finished_shards, stats_path, write_stats

logger = logging.getLogger("genie.build")

_NAME = re.compile(r"data-(\d{5,})-of-\d{5,}\.arrow")
_SHA256 = re.compile("[0-9a-f]{64}")
_READERS = 4
"""Shards that are read at once: hashing takes a core, and a disk likes several readers."""


def drop_damaged_shards(out: Path, shared: Path | None = None) -> dict[int, str]:
    """Drop the finished shards whose files are not what their statistics say.

    Every byte of all of them is read.

    Args:
        out: Folder of the bank.
        shared: Folder of a `PairStore` that has hard links to shards; it loses what is damaged.

    Returns:
        Numbers of the dropped shards, and what was wrong.
    """
    start, shards = time.perf_counter(), sorted(finished_shards(out))
    with ThreadPoolExecutor(_READERS) as pool:
        faults = pool.map(lambda index: fault_of_shard(out, index), shards)
        damaged = {index: fault for index, fault in zip(shards, faults, strict=True) if fault}
    for index, fault in damaged.items():
        logger.warning("shard %d is damaged and made again: %s", index, fault)
        _drop(out, index, shared)
    if shards:
        seconds = max(time.perf_counter() - start, 1e-3)
        size = sum(path.stat().st_size for path in _data_files(out)) / 1e6
        logger.info(
            "checked %d finished shards: %.1f MB in %.1f s, %.0f MB/s",
            len(shards), size, seconds, size / seconds,
        )  # fmt: skip
    return damaged


def fault_of_shard(out: Path, index: int) -> str | None:
    """Say what is wrong with a finished shard; None if nothing is."""
    try:
        stats = _read_stats(stats_path(out, index))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{stats_path(out, index)} does not hold the statistics of a shard ({error})"
    shard = stats["shard"]
    name = _NAME.fullmatch(shard["name"])
    if name is None or int(name[1]) != index:
        return f"{stats_path(out, index)} is of {shard['name']}"
    allowed = (shard["sha256"], stats.get("replaced_sha256"))
    fault, found = _fault_of_file(out / shard["name"], allowed)
    if fault:
        return fault
    if found != shard["sha256"]:
        # It was stopped just before its marks were replaced: that is done again, if it has to be.
        write_stats(out, index, {**stats, "shard": {**shard, "sha256": found}})
    return _fault_of_embeddings(embeddings_path(out, index), stats)


def _read_stats(path: Path) -> dict[str, Any]:
    """Read the stats of a shard.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not what was written.
        KeyError, TypeError: As ValueError.
    """
    text = path.read_text(encoding="utf-8")
    stats: dict[str, Any] = json.loads(text)
    if "build" in stats or "checksum" in stats:  # the first releases had neither
        if stats["checksum"] != checksum(stats):
            raise ValueError("its checksum is another one")
        if text != json.dumps(stats, indent=2, sort_keys=True) + "\n":
            raise ValueError("it was changed")
    shard = stats["shard"]
    if not (isinstance(shard["rows"], int) and _SHA256.fullmatch(shard["sha256"])):
        raise ValueError("it names no shard")
    return stats


def _fault_of_embeddings(path: Path, stats: Mapping[str, Any]) -> str | None:
    if "embeddings" in stats:
        return _fault_of_file(path, (stats["embeddings"]["sha256"],))[0]
    if not path.is_file():
        return f"{path} is missing"
    try:
        rows = read_shard(path).num_rows
    except BankError as error:
        return str(error)
    wanted = stats["shard"]["rows"]
    return None if rows == wanted else f"{path} holds {rows} pairs, its shard {wanted}"


def _fault_of_file(path: Path, allowed: tuple[str | None, ...]) -> tuple[str | None, str]:
    """Say why a file does not have one of some SHA-256, and return the one that it has."""
    if not path.is_file():
        return f"{path} is missing", ""
    try:
        found = sha256_of(path)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})", ""
    return (None if found in allowed else f"{path} is not what was written"), found


def _drop(out: Path, index: int, shared: Path | None) -> None:
    """Remove a shard, so that it is not finished."""
    files = [*out.glob(f"data-{index:05d}-of-*.arrow"), embeddings_path(out, index)]
    linked = [path.stat() for path in files if path.is_file() and path.stat().st_nlink > 1]
    if shared is not None and linked:
        # The same file under another name, and so just as damaged.
        for path in shared.glob("*.arrow"):
            if any(os.path.samestat(path.stat(), one) for one in linked):
                path.unlink()
    # The manifest first: nobody opens a bank while a shard is missing. Then the stats, which say
    # that the shard is finished.
    (out / MANIFEST).unlink(missing_ok=True)
    stats_path(out, index).unlink(missing_ok=True)
    for path in files:
        path.unlink(missing_ok=True)


def _data_files(out: Path) -> list[Path]:
    return [*out.glob("data-*.arrow"), *(out / "embeddings").glob("*.arrow")]
