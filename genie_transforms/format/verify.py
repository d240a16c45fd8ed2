"""Check a bank on disk against its manifest: files, checksums, columns, every row and image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genie_transforms._errors import BankError

from .carried import row_keys
from .codec import decode_image
from .files import sha256_of
from .judgements import read_judgements
from .manifest import JUDGEMENTS, MANIFEST, Manifest
from .pixel_keys import PIXEL_KEYS, PixelKeys
from .schema import CLASS_COLUMNS, COLUMNS, DATASET_INFO, STATE, names_in, stated_names
from .shards import read_rows
from .sources import AMBIGUOUS, SOURCES, KnownSources
from .untrusted import bank_file, read_json
from .verify_build import check_build

_THREADS = 4  # each decodes an image, and the largest takes 134 MB
_DIGEST = re.compile("[0-9a-f]{32}")


def verify_bank(path: Path) -> list[str]:
    """List what is wrong with a bank; an empty list means that nothing is.

    Checked are the manifest, the files that `datasets` reads, the list of all sources, their fast
    keys, and of each shard: SHA-256, number of rows, columns and class names, and of each row:
    labels, digest, noise ratio, that `on_target` agrees with `nearest_class`, and that its image
    decodes; then that what judges say is of these rows. Where a build left its statistics and
    embeddings, these are checked, too. Nothing in the folder makes it raise.

    Args:
        path: Folder of the bank.

    Returns:
        One line for each problem, with the file and the row in it.
    """
    try:
        manifest = Manifest.read(path)
    except BankError as error:
        return [str(error)]
    problems = list(_of_manifest(path, manifest))
    known, texts = _of_sources(path, manifest)
    problems += [f"{SOURCES}: {text}" for text in texts]
    problems += [f"{PIXEL_KEYS}: {text}" for text in _of_pixel_keys(path, manifest)]
    for shard in manifest.shards:
        texts = list(_of_shard(path / shard["name"], shard, manifest.class_names, known))
        problems += [f"{shard['name']}: {text}" for text in texts]
    return [*problems, *_of_judgements(path, manifest), *check_build(path, manifest)]


def _of_manifest(path: Path, manifest: Manifest) -> Iterator[str]:
    """Check class names, counts, and the files that `datasets` reads."""
    rows = manifest.num_rows
    if manifest.counts.get("rows", rows) != rows:
        yield f"{MANIFEST}: counts {manifest.counts['rows']} rows, its shards have {rows}"
    for name in (STATE, DATASET_INFO):
        if not (path / name).exists():
            yield f"{name}: missing, so datasets.load_from_disk cannot open the bank"
            continue
        try:
            content = read_json(path, name)
        except BankError as error:
            yield f"{name}: damaged ({error})"
            continue
        listed = [{"filename": shard["name"]} for shard in manifest.shards]
        if not isinstance(content, dict):
            yield f"{name}: damaged (not a JSON object)"
        elif name == STATE and content.get("_data_files") != listed:
            yield f"{STATE}: lists other shards than {MANIFEST}"
        elif name == DATASET_INFO and names_in(content) != manifest.class_names:
            yield f"{DATASET_INFO}: has other class names than {MANIFEST}"


def _of_sources(path: Path, manifest: Manifest) -> tuple[KnownSources | None, list[str]]:
    """Check the list of all sources, where there is one; return it if it can be read."""
    entry = manifest.sources
    if entry is None:
        return None, []
    try:
        file = bank_file(path, SOURCES)
        known = KnownSources.read(file, entry, len(manifest.class_names))
        found = sha256_of(file)
    except (BankError, OSError) as error:
        return None, [str(error)]
    problems = known.problems()
    if found != entry["sha256"]:
        problems.append(f"SHA-256 is {found[:12]}…, {MANIFEST} says {entry['sha256'][:12]}…")
    return known, problems


def _of_pixel_keys(path: Path, manifest: Manifest) -> list[str]:
    """Check the fast keys, where there are some that this library can use."""
    entry = manifest.known_pixel_keys
    if entry is None:
        return []
    try:
        file = bank_file(path, PIXEL_KEYS)
        problems = PixelKeys.read(file, entry).problems()
        found = sha256_of(file)
    except (BankError, OSError) as error:
        return [str(error)]
    if found != entry["sha256"]:
        problems.append(f"SHA-256 is {found[:12]}…, {MANIFEST} says {entry['sha256'][:12]}…")
    return problems


def _of_judgements(path: Path, manifest: Manifest) -> Iterator[str]:
    """Check that what judges and people say is of the rows that it is joined to."""
    try:
        judgements = read_judgements(path, manifest)
        keys = row_keys(path, manifest) if judgements else None
    except (BankError, OSError) as error:
        yield str(error)
        return
    for judgement in judgements:
        if not judgement.keys.equals(keys):
            yield f"{JUDGEMENTS}/{judgement.name}.arrow: rows have other keys than their content"


def _of_shard(
    path: Path, entry: dict[str, Any], class_names: list[str], known: KnownSources | None
) -> Iterator[str]:
    """Check one shard; rows are checked only if the file can be read."""
    if not path.exists():
        yield "missing"
        return
    try:
        found = sha256_of(bank_file(path.parent, path.name))
        if found != entry["sha256"]:
            yield f"SHA-256 is {found[:12]}…, {MANIFEST} says {entry['sha256'][:12]}…"
        table = read_rows(path)
    except (BankError, OSError) as error:
        yield str(error)
        return
    if table.num_rows != entry["rows"]:
        yield f"{table.num_rows} rows, {MANIFEST} says {entry['rows']}"
    if stated_names(table.schema) != class_names:
        yield f"class names are {stated_names(table.schema)}, {MANIFEST} says {class_names}"
    for row, texts in enumerate(_of_rows(table, len(class_names), known)):
        yield from (f"row {row}: {text}" for text in texts)


def _of_rows(table: pa.Table, num_classes: int, known: KnownSources | None) -> Iterator[list[str]]:
    """Yield the problems of each row; images are decoded in parallel."""
    blobs = pc.struct_field(table.column("image").combine_chunks(), "bytes")
    names = [name for name in COLUMNS if name != "image"]
    with ThreadPoolExecutor(_THREADS) as pool:
        decoded = pool.map(_why_not_decoded, (blob.as_buffer() for blob in blobs))
        for row, broken in zip(table.select(names).to_pylist(), decoded, strict=True):
            problems = list(_of_values(row, num_classes, known))
            yield [*problems, *([broken] if broken else [])]


def _of_values(row: dict[str, Any], num_classes: int, known: KnownSources | None) -> Iterator[str]:
    """Check the values of one row."""
    for name in CLASS_COLUMNS:
        label = row[name]
        unknown = label is None and name == "nearest_class"  # as in banks that were imported
        if not unknown and (label is None or not 0 <= label < num_classes):
            yield f"{name} {label} is none of the {num_classes} classes"
    if row["source_digest"] is None or not _DIGEST.fullmatch(row["source_digest"]):
        yield f"source_digest {row['source_digest']!r} does not have 32 hexadecimal digits"
    elif known is not None:
        label = known.find(row["source_digest"])
        if label not in (None, AMBIGUOUS, row["source_label"]):
            yield f"source_label is {row['source_label']}, but {SOURCES} says {label}"
    if row["noise_ratio"] is None or not 0 <= row["noise_ratio"] <= 1:
        yield f"noise_ratio {row['noise_ratio']} is not in [0, 1]"
    grid, projections = row["noise_ratios"] or [], row["projections"] or []
    if None in grid or None in projections or len(projections) not in (0, len(grid)):
        yield f"projections {projections} are not one for each of the noise_ratios {grid}"
    measured = row["nearest_class"] is not None
    if measured and row["on_target"] != (row["nearest_class"] == row["label"]):
        yield (
            f"on_target is {row['on_target']}, but nearest_class is {row['nearest_class']} and "
            f"label {row['label']}"
        )


def _why_not_decoded(blob: pa.Buffer | None) -> str | None:
    """Decode an image fully; say why it cannot be."""
    if blob is None:
        return "has no image"
    try:
        decode_image(blob)
    except BankError as error:
        return str(error)
    return None
