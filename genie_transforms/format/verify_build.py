"""Check what a build leaves beside a bank and needs to be continued: statistics and embeddings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .files import sha256_of
from .manifest import MANIFEST, Manifest


def check_build(path: Path, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong beside the rows; nothing for a bank that came without these folders.

    Args:
        path: Folder of the bank.
        manifest: What it says of itself.
    """
    stats = sorted((path / "stats").glob("[0-9]*.json"))
    if not stats:
        return
    found = {}
    for file in stats:
        name = f"stats/{file.name}"
        if not file.is_file():
            yield f"{name}: no file"
            continue
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            found[content["shard"]["name"]] = content["shard"]["sha256"]
            if stats_checksum(content) != content.get("checksum", stats_checksum(content)):
                yield f"{name}: its checksum is another one"
            if "embeddings" in content and (path / "embeddings").is_dir():
                yield from _of_embeddings(path, content["embeddings"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            yield f"{name}: damaged ({error!r})"
    if found != {shard["name"]: shard["sha256"] for shard in manifest.shards}:
        yield f"stats/: list other shards than {MANIFEST}"


def _of_embeddings(path: Path, entry: dict[str, Any]) -> Iterator[str]:
    name = f"embeddings/{Path(entry['name']).name}"
    if not (path / name).is_file():
        yield f"{name}: missing"
        return
    if sha256_of(path / name) != entry["sha256"]:
        yield f"{name}: its SHA-256 is not the one in its statistics"


def stats_checksum(stats: dict[str, Any]) -> str:
    """Return the checksum of statistics as a build computes it: over everything but itself."""
    content = {key: value for key, value in stats.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
