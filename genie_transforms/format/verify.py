"""Check a bank on disk against its manifest: files, checksums, columns, every row and image."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from genie_transforms._errors import BankError

from .files import sha256_of
from .manifest import MANIFEST, Manifest
from .schema import COLUMNS, DATASET_INFO, STATE
from .shards import read_shard
from .sources import AMBIGUOUS, SOURCES, KnownSources
from .verify_build import check_build

_DIGEST = re.compile("[0-9a-f]{32}")


def verify_bank(path: Path) -> list[str]:
    """List what is wrong with a bank; an empty list means that nothing is.

    Checked are the manifest, the files that `datasets` reads, the list of all sources, and of each
    shard: SHA-256, number of rows, columns and class names, and of each row: labels, digest, noise
    ratio, that `on_target` agrees with `nearest_class`, and that its image decodes. Where a build
    left its statistics and embeddings, these are checked, too.

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
    known, texts = _of_sources(path / SOURCES, manifest)
    problems += [f"{SOURCES}: {text}" for text in texts]
    for shard in manifest.shards:
        texts = list(_of_shard(path / shard["name"], shard, manifest.class_names, known))
        problems += [f"{shard['name']}: {text}" for text in texts]
    return [*problems, *check_build(path, manifest)]


def _of_manifest(path: Path, manifest: Manifest) -> Iterator[str]:
    """Check class names, counts, and the files that `datasets` reads."""
    if len(set(manifest.class_names)) < len(manifest.class_names):
        yield f"{MANIFEST}: a class name occurs twice"
    rows = manifest.num_rows
    if manifest.counts.get("rows", rows) != rows:
        yield f"{MANIFEST}: counts {manifest.counts['rows']} rows, its shards have {rows}"
    for name in (STATE, DATASET_INFO):
        if not (path / name).is_file():
            yield f"{name}: missing, so datasets.load_from_disk cannot open the bank"
            continue
        try:
            content = json.loads((path / name).read_text())
        except ValueError as error:  # not JSON, or not UTF-8
            yield f"{name}: damaged ({error})"
            continue
        listed = [{"filename": shard["name"]} for shard in manifest.shards]
        if not isinstance(content, dict):
            yield f"{name}: damaged (not a JSON object)"
        elif name == STATE and content.get("_data_files") != listed:
            yield f"{STATE}: lists other shards than {MANIFEST}"


def _of_sources(path: Path, manifest: Manifest) -> tuple[KnownSources | None, list[str]]:
    """Check the list of all sources, where there is one; return it if it can be read."""
    entry = manifest.sources
    if entry is None:
        return None, []
    try:
        known = KnownSources.read(path, entry, len(manifest.class_names))
    except BankError as error:
        return None, [str(error)]
    found, problems = sha256_of(path), known.problems()
    if found != entry["sha256"]:
        problems.append(f"SHA-256 is {found[:12]}…, {MANIFEST} says {entry['sha256'][:12]}…")
    return known, problems


def _of_shard(
    path: Path, entry: dict[str, Any], class_names: list[str], known: KnownSources | None
) -> Iterator[str]:
    """Check one shard; rows are checked only if the file can be read."""
    if not path.is_file():
        yield "missing"
        return
    found = sha256_of(path)
    if found != entry["sha256"]:
        yield f"SHA-256 is {found[:12]}…, {MANIFEST} says {entry['sha256'][:12]}…"
    try:
        table = read_shard(path)
    except BankError as error:
        yield str(error)
        return
    if table.num_rows != entry["rows"]:
        yield f"{table.num_rows} rows, {MANIFEST} says {entry['rows']}"
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        yield f"no columns {', '.join(missing)}"
        return
    if _class_names(table) != class_names:
        yield f"class names are {_class_names(table)}, {MANIFEST} says {class_names}"
    for row, texts in enumerate(_of_rows(table, len(class_names), known)):
        yield from (f"row {row}: {text}" for text in texts)


def _class_names(table: pa.Table) -> list[str] | None:
    """Read the class names in the metadata of a shard; None if there are none."""
    metadata = (table.schema.metadata or {}).get(b"huggingface")
    if metadata is None:
        return None
    names: list[str] = json.loads(metadata)["info"]["features"]["label"]["names"]
    return names


def _of_rows(table: pa.Table, num_classes: int, known: KnownSources | None) -> Iterator[list[str]]:
    """Yield the problems of each row; images are decoded in parallel."""
    blobs = pc.struct_field(table.column("image").combine_chunks(), "bytes")
    with ThreadPoolExecutor() as pool:
        decoded = pool.map(_why_not_decoded, (blob.as_buffer() for blob in blobs))
        names = ["label", "source_label", "source_digest", "noise_ratio", "on_target"]
        for row, broken in zip(
            table.select([*names, "nearest_class"]).to_pylist(), decoded, strict=True
        ):
            problems = list(_of_values(row, num_classes, known))
            yield [*problems, *([broken] if broken else [])]


def _of_values(row: dict[str, Any], num_classes: int, known: KnownSources | None) -> Iterator[str]:
    """Check the values of one row."""
    for name in ("label", "source_label"):
        if row[name] is None or not 0 <= row[name] < num_classes:
            yield f"{name} {row[name]} is none of the {num_classes} classes"
    if row["source_digest"] is None or not _DIGEST.fullmatch(row["source_digest"]):
        yield f"source_digest {row['source_digest']!r} does not have 32 hexadecimal digits"
    elif known is not None:
        label = known.find(row["source_digest"])
        if label not in (None, AMBIGUOUS, row["source_label"]):
            yield f"source_label is {row['source_label']}, but {SOURCES} says {label}"
    if row["noise_ratio"] is None or not 0 <= row["noise_ratio"] <= 1:
        yield f"noise_ratio {row['noise_ratio']} is not in [0, 1]"
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
        with Image.open(io.BytesIO(blob)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError) as error:  # all that Pillow raises for damaged files
        return f"the image does not decode: {error}"
    return None
