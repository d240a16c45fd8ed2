"""Write a finished bank from tables: for banks that come from other banks or from folders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from .files import new_folder
from .manifest import MANIFEST, Manifest
from .schema import arrow_schema, dataset_files, shard_name
from .shards import _write_shard


def write_bank(
    out: Path,
    tables: Iterable[pa.Table],
    *,
    num_shards: int,
    class_names: Sequence[str],
    recipe: dict[str, Any],
    fingerprint: dict[str, Any],
    counts: Mapping[str, int],
    keep_sweep: bool = False,
) -> Manifest:
    """Write a bank, one shard for each table; only one table is held at a time.

    Args:
        out: The new folder.
        tables: Tables of `arrow_schema(class_names)`.
        num_shards: How many tables there are.
        class_names: Names of the classes.
        recipe: How the bank came to be.
        fingerprint: What decided its pixels.
        counts: What is counted beside rows and shards.
        keep_sweep: Whether there is a column `sweep`.

    Raises:
        FileExistsError: `out` is not empty.
    """
    schema = arrow_schema(class_names, keep_sweep=keep_sweep)
    with new_folder(out) as folder:
        shards = [
            _write_shard(folder / shard_name(index, num_shards), table, schema)
            for index, table in enumerate(tables)
        ]
        _write_dataset_files(folder, schema, shards)
        manifest = Manifest(
            class_names=list(class_names),
            recipe=recipe,
            fingerprint=fingerprint,
            counts={
                "failed": 0,
                **counts,
                "rows": sum(shard["rows"] for shard in shards),
                "shards": len(shards),
            },
            shards=shards,
            versions={"pyarrow": pa.__version__},
        )
        (folder / MANIFEST).write_text(manifest.to_json())
    return manifest


def _write_dataset_files(folder: Path, schema: pa.Schema, shards: Sequence[dict[str, Any]]) -> None:
    """Write what `datasets.load_from_disk` reads beside the shards."""
    for name, content in dataset_files(schema, shards).items():
        (folder / name).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
