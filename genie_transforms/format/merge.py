"""Make one bank of several."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genie_transforms._errors import UserError

from .carried import image_digests
from .manifest import Manifest
from .merged_files import Mask, MergedFiles, MergeIndex, Part
from .schema import CLASS_COLUMNS
from .shards import read_bank
from .writer import BankDescription, write_bank


def merge_banks(
    paths: Sequence[Path], out: Path, merge_index: MergeIndex | None = None
) -> Manifest:
    """Write the rows of several banks into a new one, all rows whatever a filter would say.

    Classes are matched by name: the new bank has those of all, sorted if every bank's are (as
    `ImageFolder` sorts them), else in the order in which they first come. A row is dropped if
    an earlier one has the same source, target class and image bytes. The new bank knows the
    sources of all; an image that has another class in each is ambiguous. Fast keys come from the
    banks that have them; other images are found by their digests. Embeddings go along where every
    bank has them, by the same backbone; judgements, where they are of one judge.

    Args:
        paths: Folders of the banks.
        out: The new folder.
        merge_index: Merges their indexes; called where every bank has one, by the same backbone.

    Returns:
        The manifest of the new bank; `counts["merged_rows"]` is the number of rows before
        duplicates were dropped. Its recipe and fingerprint hold those of each bank.

    Raises:
        UserError: No bank was given.
        FolderInUseError: `out` is not empty.
        BankError: A bank cannot be read.
    """
    if not paths:
        raise UserError("no bank to merge: give the folder of at least one")
    manifests = [Manifest.read(path) for path in paths]
    names = merged_names([manifest.class_names for manifest in manifests])
    parts = [
        Part(path, manifest, [names.index(name) for name in manifest.class_names])
        for path, manifest in zip(paths, manifests, strict=True)
    ]
    files = MergedFiles(parts, names, merge_index)
    recipe, fingerprint = files.agreed()
    description = BankDescription(
        class_names=names,
        recipe={**recipe, "method": "merge", "banks": [m.recipe for m in manifests]},
        fingerprint={**fingerprint, "banks": [m.fingerprint for m in manifests]},
        counts={
            "pairs": sum(m.counts.get("pairs", 0) for m in manifests),
            "failed": sum(m.counts.get("failed", 0) for m in manifests),
            "merged_rows": sum(m.num_rows for m in manifests),
        },
        keep_sweep=any(
            "sweep" in table.column_names
            for part in parts
            for table in read_bank(part.path, part.manifest)
        ),
        sources=files.known_sources(),
        pixel_keys=files.pixel_keys(),
    )
    schema = description.schema
    tables = (
        _relabelled(table, part.numbers, schema)
        for part in parts
        for table in read_bank(part.path, part.manifest)
    )
    num_shards = sum(len(m.shards) for m in manifests)
    return write_bank(out, _distinct(tables, files.kept), num_shards, description, files)


def merged_names(lists: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of all lists once; sorted if every list is, else as they first come."""
    names = list(dict.fromkeys(name for names in lists for name in names))
    return sorted(names) if all(list(given) == sorted(given) for given in lists) else names


def _relabelled(table: pa.Table, numbers: Sequence[int], schema: pa.Schema) -> pa.Table:
    """Bring a table to the schema of the new bank: its labels, and columns that it lacks."""
    codes = pa.array(numbers, type=pa.int64())
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
        elif field.name in CLASS_COLUMNS:
            columns.append(pc.take(codes, table.column(field.name)))
        else:
            columns.append(table.column(field.name).cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _distinct(tables: Iterator[pa.Table], kept: list[Mask]) -> Iterator[pa.Table]:
    """Drop rows that an earlier table, or the same one, already has; note which were kept."""
    seen: set[bytes] = set()  # 32 bytes a row instead of images: banks are larger than memory
    for table in tables:
        # The source's class, too: an image may be in two, and a rejection is of one of them.
        names = ("source_digest", "source_label", "label")
        pairs = zip(*(table.column(name).to_pylist() for name in names), strict=True)
        fresh = []
        for pair, image in zip(pairs, image_digests(table), strict=True):
            key = hashlib.sha256(f"{pair} ".encode() + image).digest()
            fresh.append(key not in seen)
            seen.add(key)
        kept.append(np.array(fresh, dtype=np.bool_))
        yield table.filter(kept[-1])
