"""Judgements of a bank whose rows have changed: found again by the content of the rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from .judgements import (
    KEY,
    NONE_OF_THEM,
    Judgement,
    judge_names,
    judgement_path,
    rows_digest,
)
from .manifest import Manifest
from .schema import REJECTED
from .shards import read_bank


def row_keys(folder: Path, manifest: Manifest) -> pa.ChunkedArray:
    """Return the key of each row: SHA-256 of its source, both its classes by name, and its image.

    That is all that a judge looks at, and all that tells which class is which: a row with another
    image, target or source class is another row. To read the images is what it costs; nothing less
    would notice that a pair was made anew.

    Args:
        folder: The bank.
        manifest: What it says, or will say, of itself.

    Returns:
        ``(N,)`` 32 bytes.

    Raises:
        BankFormatError: A shard is damaged.
    """
    tables = read_bank(folder, manifest)
    keys = [list(_keys_of(table, manifest.class_names)) for table in tables]
    return pa.chunked_array(keys, KEY)


def row_key(source_digest: str, source: str, target: str, image: bytes) -> bytes:
    """Return the key of one row; see `row_keys`.

    Args:
        source_digest: The row's.
        source: Name of its source's class.
        target: Name of its target class.
        image: Its image as it is stored.
    """
    return _key(source_digest, source, target, hashlib.sha256(image).digest())


def image_digests(table: pa.Table) -> Iterator[bytes]:
    """Yield the SHA-256 of each row's encoded image; that of nothing if it has none."""
    for image in pc.struct_field(table.column("image").combine_chunks(), "bytes"):
        blob = image.as_buffer()
        yield hashlib.sha256(b"" if blob is None else blob).digest()


def carry_judgements(folders: Sequence[Path], out: Path, manifest: Manifest) -> list[str]:
    """Write the judgements of some banks for the rows of another.

    A row that is new gets none: it is not rejected, and its verdicts are null. Where the bank has
    other classes than the judge was asked for, its verdicts would be others, and are left out.
    Files that are of these rows already stay as they are.

    Args:
        folders: The banks.
        out: The folder of the rows; it may be one of them.
        manifest: What `out` says, or will say, of itself.

    Returns:
        Names of the judgements that were left out, for that or because those of several banks are
        of different judges; their files in `out` are gone.

    Raises:
        BankFormatError: A judgement or a shard is damaged.
    """
    parts: dict[str, list[Judgement]] = {}
    for folder in folders:
        for name in judge_names(folder):
            parts.setdefault(name, []).append(Judgement.read(folder, name))
    changed = {
        name: found
        for name, found in parts.items()
        if list(folders) != [out] or not found[0].fits(manifest)
    }
    if not changed:
        return []
    keys, left_out = row_keys(out, manifest), []
    for name, found in changed.items():
        if name == REJECTED or _agree(found, manifest):
            _united(found, keys, manifest).write(out)
        else:
            judgement_path(out, name).unlink(missing_ok=True)
            left_out.append(name)
    return left_out


def _agree(parts: Sequence[Judgement], manifest: Manifest) -> bool:
    """Tell whether all are of one judge, who was asked for the classes of the bank."""
    classes = set(manifest.class_names)
    return all(part.about == parts[0].about and set(part.class_names) == classes for part in parts)


def _united(parts: Sequence[Judgement], keys: pa.ChunkedArray, manifest: Manifest) -> Judgement:
    """Take for each row what the first part says that knows it; it is rejected if anyone did."""
    columns: dict[str, pa.ChunkedArray] = {}
    for part in parts:
        places = pc.index_in(keys, value_set=part.keys.combine_chunks())
        for name, values in part.columns.items():
            found = values.take(places)
            if name == REJECTED:
                found = pc.fill_null(found, False)
            elif name == "class":
                found = _renumbered(found, part.class_names, manifest.class_names)
            if name in columns:
                join = pc.or_ if name == REJECTED else pc.coalesce
                found = join(columns[name], found)
            columns[name] = found
    first = parts[0]
    return Judgement(
        first.name, manifest.class_names, keys, columns, first.about, rows_digest(manifest)
    )


def _renumbered(
    classes: pa.ChunkedArray, old: Sequence[str], new: Sequence[str]
) -> pa.ChunkedArray:
    """Number the same classes in another order; `NONE_OF_THEM` stays what it is."""
    numbers = pa.array([*map(list(new).index, old), NONE_OF_THEM], pa.int32())
    # At the end of the list, for Arrow does not count from there.
    return pa.chunked_array(
        [numbers.take(pc.if_else(pc.less(classes, 0), len(old), classes).combine_chunks())]
    )


def _keys_of(table: pa.Table, class_names: Sequence[str]) -> Iterator[bytes]:
    digests, sources, targets = (
        table.column(name).to_pylist() for name in ("source_digest", "source_label", "label")
    )
    rows = zip(digests, sources, targets, image_digests(table), strict=True)
    for digest, source, target, image in rows:
        yield _key(digest, class_names[source], class_names[target], image)


def _key(source_digest: str, source: str, target: str, image: bytes) -> bytes:
    text = json.dumps([source_digest, source, target])
    return hashlib.sha256(text.encode() + image).digest()
