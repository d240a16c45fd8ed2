"""Write a finished bank: from tables, or by finishing a folder that has its shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms._errors import UserError

from .files import atomic_write, new_folder, write_json
from .manifest import MANIFEST, Manifest
from .pixel_keys import PIXEL_KEYS, PixelKeys
from .schema import arrow_schema, dataset_files, shard_name
from .shards import write_shard
from .sources import SOURCES, KnownSources


@dataclass(frozen=True)
class BankDescription:
    """What a bank says of itself beside its rows.

    Attributes:
        class_names: Names of the classes; labels are positions in it.
        recipe: How the bank came to be.
        fingerprint: What decided its pixels.
        counts: What is counted beside rows and shards, such as pairs.
        keep_sweep: Whether there is a column `sweep`.
        sources: All source images, if they are known.
        pixel_keys: Their fast keys, if these are known.
    """

    class_names: Sequence[str]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    keep_sweep: bool = False
    sources: KnownSources | None = None
    pixel_keys: PixelKeys | None = None

    @property
    def schema(self) -> pa.Schema:
        """The columns of the bank."""
        return arrow_schema(self.class_names, keep_sweep=self.keep_sweep)


def write_bank(
    out: Path,
    tables: Iterable[pa.Table],
    num_shards: int,
    description: BankDescription,
    beside: Callable[[Path, list[dict[str, Any]]], None] | None = None,
) -> Manifest:
    """Write a bank, one shard for each table; only one table is held at a time.

    Args:
        out: The new folder.
        tables: Tables of `description.schema`.
        num_shards: How many tables there are: each shard has it in its name.
        description: What is not in the tables.
        beside: Writes what else is to lie in the folder; called with it and its shards when these
            are there, and before the manifest.

    Raises:
        FolderInUseError: `out` is not empty.
        UserError: Two classes have one name.
    """
    names = list(description.class_names)
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"classes has the name {twice!r} twice: labels could not be told apart")
    schema = description.schema
    with new_folder(out) as folder:
        shards = [
            write_shard(folder / shard_name(index, num_shards), table, schema)
            for index, table in enumerate(tables)
        ]
        if beside is not None:
            beside(folder, shards)
        sources, keys = description.sources, description.pixel_keys
        manifest = Manifest(
            class_names=names,
            recipe=dict(description.recipe),
            fingerprint=dict(description.fingerprint),
            counts={
                "failed": 0,
                **description.counts,
                "rows": sum(shard["rows"] for shard in shards),
                "shards": len(shards),
            },
            shards=shards,
            versions={"pyarrow": pa.__version__},
            sources=None if sources is None else sources.write(folder / SOURCES),
            pixel_keys=None if keys is None else keys.write(folder / PIXEL_KEYS),
        )
        finish_bank(folder, manifest, schema)
    return manifest


def finish_bank(folder: Path, manifest: Manifest, schema: pa.Schema) -> None:
    """Write what makes a folder of shards a bank: the files of `datasets`, then the manifest.

    Args:
        folder: Where the shards are.
        manifest: What `genie.json` will say. It is written last: a folder without it is an
            unfinished build.
        schema: Of the shards, as from `arrow_schema`.
    """
    for name, content in dataset_files(schema, manifest.shards).items():
        write_json(folder / name, content)
    atomic_write(folder / MANIFEST, manifest.to_json().encode())
