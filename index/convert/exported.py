"""Read back what `Bank.export` wrote: folders of images, or WebDataset."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from genie_transforms import MissingFileError, UserError
from genie_transforms.format import CLASS_COLUMNS, BankDescription, Exported, Manifest, write_bank

_ROWS_PER_SHARD = 1000

Record = tuple[dict[str, Any], bytes]
"""The columns of a row as JSON has them, and its image."""


def import_exported(folder: Path, out: Path) -> Manifest:
    """Write a bank of an exported one: the rows that were exported, in their order.

    Images are the same bytes, columns the same values, and rejected rows stay rejected. What an
    export does not hold is not there: other rows, sweeps, the index and its embeddings.

    Args:
        folder: What `Bank.export` wrote.
        out: The new folder.

    Raises:
        MissingFileError: A file of the export is missing.
        UserError: A file of it is damaged, or it has another number of rows.
        BankFormatError: Its list of all sources or a judgement is missing or damaged.
        FolderInUseError: `out` is not empty.
    """
    about = Exported.read(folder)
    readers = {"imagefolder": _image_folder, "webdataset": _webdataset}
    if about.layout not in readers:
        raise UserError(f"{folder} has the layout {about.layout!r}, which is not known here")
    description = about.description(folder)
    tables = _tables(readers[about.layout](folder), description, about.rows, folder)
    num_shards = max(1, -(-about.rows // _ROWS_PER_SHARD))
    return write_bank(out, tables, num_shards, description, partial(about.bring_judgements, folder))


def _image_folder(folder: Path) -> Iterator[Record]:
    """Yield the rows of `metadata.jsonl`."""
    path = folder / "metadata.jsonl"
    if not path.is_file():
        raise MissingFileError(f"{path} is missing: export the bank again")
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            columns = _columns(line, str(path))
            name = PurePosixPath(str(columns.get("file_name", "")))
            if name.is_absolute() or ".." in name.parts or not (folder / name).is_file():
                raise MissingFileError(f"{path} names the image {str(name)!r}, which is not there")
            yield columns, (folder / name).read_bytes()


def _webdataset(folder: Path) -> Iterator[Record]:
    """Yield the rows of the tar files: an image, its `.cls` and its `.json` come together."""
    for path in sorted(folder.glob("*.tar")):
        try:
            with tarfile.open(path) as tar:
                blob: bytes | None = None
                for member in tar:
                    file = tar.extractfile(member)
                    suffix = PurePosixPath(member.name).suffix
                    if file is None or suffix == ".cls":  # its label is in the `.json`, by name
                        continue
                    if suffix != ".json":
                        blob = file.read()
                    elif blob is None:
                        raise UserError(f"{path} has no image before {member.name}")
                    else:
                        yield _columns(file.read(), f"{path}: {member.name}"), blob
                        blob = None
        except tarfile.TarError as error:
            raise UserError(f"{path} is damaged ({error}): export the bank again") from error


def _columns(text: str | bytes, where: str) -> dict[str, Any]:
    """Read the columns of a row."""
    try:
        columns = json.loads(text)
    except ValueError as error:
        raise UserError(f"{where} is damaged ({error}): export the bank again") from error
    if not isinstance(columns, dict):
        raise UserError(f"{where} is damaged (no JSON object): export the bank again")
    return columns


def _tables(
    records: Iterator[Record], description: BankDescription, num_rows: int, folder: Path
) -> Iterator[pa.Table]:
    """Turn rows into tables; at the end, refuse another number of rows than were exported."""
    numbers = {name: label for label, name in enumerate(description.class_names)}
    found = 0
    while True:
        rows = [_row(*record, numbers) for record in islice(records, _ROWS_PER_SHARD)]
        if not rows and found:
            break
        found += len(rows)
        if found > num_rows or (len(rows) < _ROWS_PER_SHARD and found < num_rows):
            raise UserError(f"{folder} should hold {num_rows} rows, it has {found}: export again")
        try:
            yield pa.Table.from_pylist(rows, schema=description.schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise UserError(f"{folder} has a column of another type: {error}") from error
        if not rows:
            break


def _row(columns: dict[str, Any], blob: bytes, numbers: dict[str, int]) -> dict[str, Any]:
    """Return the columns of a bank's row."""
    row = {**columns, "image": {"bytes": blob, "path": None}}
    for name in CLASS_COLUMNS:
        given = row.get(name)
        if given is not None and given not in numbers:
            raise UserError(
                f"the {name} {given!r} of a row is not one of the {len(numbers)} classes"
            )
        row[name] = None if given is None else numbers[given]
    # JSON has no NaN, and a bank no null there.
    row["projections"] = [
        float("nan") if value is None else value for value in row.get("projections") or ()
    ]
    return row
