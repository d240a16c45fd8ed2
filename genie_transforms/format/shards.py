"""The shards of a bank: Arrow IPC *stream* files, which `datasets` reads.

Arrow trusts what it maps: an offset that leads out of the file ends the process when it is used.
So everything is validated here, once, when a shard is mapped.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genie_transforms._errors import BankFormatError

from .files import atomic_path
from .manifest import MANIFEST, Manifest
from .schema import CLASS_COLUMNS, readable_columns, stated_names
from .untrusted import bank_file

# Of Arrow's flatbuffers: the places of `header` in a Message, of `compression` in a RecordBatch.
_HEADER, _COMPRESSION = 2, 3


_MAGIC = b"ARROW1\0\0"


# The last two come of a flatbuffer and of names that are not what they should be.
_ARROW_ERRORS = (pa.ArrowException, OSError, struct.error, ValueError)


def write_shard(path: Path, table: pa.Table, schema: pa.Schema | None = None) -> dict[str, Any]:
    """Write a table as an Arrow stream, atomically; a table without rows has no record batch.

    The same rows in the same chunks give the same bytes.

    Args:
        path: The file.
        table: Its rows.
        schema: As from `arrow_schema`, for a table that lacks its metadata; the table's own if
            not given.

    Returns:
        The entry of the shard in a manifest, `name`, `rows` and `sha256`.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema if schema is None else schema) as writer:
        writer.write_table(table)
    data = sink.getvalue()
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return {
        "name": path.name,
        "rows": table.num_rows,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def read_shard(path: Path) -> pa.Table:
    """Map an Arrow stream file; its pages are read when they are touched.

    Raises:
        BankFormatError: The file is missing or damaged.
    """
    return _read(path, rows=False)


def read_rows(path: Path) -> pa.Table:
    """Map a shard of a bank's rows, with the columns of `schema.py`.

    Columns that this library does not know are left out, unless they have one plain value a row.

    Raises:
        BankFormatError: The file is missing or damaged, lacks a column, or has one of another
            type.
    """
    return _read(path, rows=True)


def read_bank(folder: Path, manifest: Manifest) -> Iterator[pa.Table]:
    """Map the shards of a bank one after the other, each with the rows that the manifest says.

    Raises:
        BankFormatError: As `read_rows`, or a shard has another number of rows or other class names,
            or a row is of a class that there is not.
    """
    for shard in manifest.shards:
        path = folder / shard["name"]
        table = read_rows(path)
        if table.num_rows != shard["rows"]:
            raise BankFormatError(
                f"the shard {path} has {table.num_rows} rows, {MANIFEST} says {shard['rows']}: "
                f"rebuild the bank"
            )
        if stated_names(table.schema) not in (None, manifest.class_names):
            raise BankFormatError(
                f"the shard {path} has other classes than {MANIFEST}, or in another order: the "
                f"bank was copied in part, or is being built again"
            )
        for name in CLASS_COLUMNS:
            _check_classes(path, table.column(name), name, len(manifest.class_names))
        yield table


def _check_classes(path: Path, column: pa.ChunkedArray, name: str, num_classes: int) -> None:
    """Refuse class numbers that are none: NumPy would write outside its arrays when it counts them.

    Only `nearest_class` may be unknown, as it is in banks that were imported.
    """
    if column.null_count and name != "nearest_class":
        raise BankFormatError(f"the shard {path} has rows without {name}: rebuild the bank")
    bounds = pc.min_max(column).as_py()
    for label in bounds.values():
        if label is not None and not 0 <= label < num_classes:
            raise BankFormatError(
                f"the shard {path} has the {name} {label}, which is none of the {num_classes} "
                f"classes: see `python -m index.verify {path.parent}`"
            )


def _read(path: Path, *, rows: bool) -> pa.Table:
    """Map a file and validate every offset and text in it."""
    bank_file(path.parent, path.name)
    try:
        schema, batches = _map_batches(path)
        names = readable_columns(schema) if rows else schema.names
        _refuse_repeated(names)
        table = pa.Table.from_batches(batches, schema).select(names)
        table.validate(full=True)
        return table
    except (BankFormatError, *_ARROW_ERRORS) as error:
        raise BankFormatError(f"the shard {path} is damaged ({error}): rebuild the bank") from error


def read_block(path: Path) -> pa.RecordBatch:
    """Map an Arrow IPC *file* of one record batch.

    Such a file is a stream between a few bytes and a list of places, which is not read: it could
    lead to anything.

    Raises:
        BankFormatError: The file is missing or damaged, or has more batches.
    """
    bank_file(path.parent, path.name)
    try:
        data = memoryview(pa.memory_map(str(path), "r").read_buffer())
        if data[: len(_MAGIC)] != _MAGIC or data[-6:] != _MAGIC[:6]:
            raise BankFormatError("it is no whole Arrow file")
        _, batches = _map_batches(path, start=len(_MAGIC))
        if len(batches) != 1:
            raise BankFormatError(f"it has {len(batches)} blocks of rows and must have one")
        _refuse_repeated(batches[0].schema.names)
        batches[0].validate(full=True)
        return batches[0]
    except (BankFormatError, *_ARROW_ERRORS) as error:
        raise BankFormatError(f"{path} is damaged ({error}): rebuild the bank") from error


def _refuse_repeated(names: Sequence[str]) -> None:
    """Refuse columns of one name: Arrow cannot say which of them is meant."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise BankFormatError(f"it has several columns of the name {repeated[0]!r}")


def _map_batches(path: Path, start: int = 0) -> tuple[pa.Schema, Sequence[pa.RecordBatch]]:
    """Map the record batches of a stream that begins at a place in a file, without a copy.

    Message by message, because a compressed batch must be refused before Arrow unpacks it: some
    bytes can become any amount of memory, and nothing that is compressed can be mapped.
    """
    source = pa.memory_map(str(path), "r")
    source.seek(start)
    messages = iter(pa.ipc.MessageReader.open_stream(source))
    first = next(messages, None)
    if first is None or first.type != "schema":
        raise BankFormatError("it is no Arrow stream")
    schema = pa.ipc.read_schema(first)
    batches = []
    for message in messages:
        if message.type != "record batch":
            raise BankFormatError(f"it has a message of the kind {message.type!r}")
        if _is_compressed(message.metadata):
            raise BankFormatError("it is compressed")
        batches.append(pa.ipc.read_record_batch(message, schema))
    return schema, batches


def _is_compressed(metadata: pa.Buffer) -> bool:
    """Tell from the flatbuffer of a record batch, which Arrow has verified, what Arrow does not."""
    data = memoryview(metadata)
    header = _field(data, struct.unpack_from("<I", data)[0], _HEADER)
    if header is None:
        raise BankFormatError("it has an empty message")
    batch = header + struct.unpack_from("<I", data, header)[0]
    return _field(data, batch, _COMPRESSION) is not None


def _field(data: memoryview, table: int, index: int) -> int | None:
    """Return the place of a field of a flatbuffer's table; None if it is not set."""
    layout = table - struct.unpack_from("<i", data, table)[0]
    size, place = struct.unpack_from("<H", data, layout)[0], 4 + 2 * index
    offset = struct.unpack_from("<H", data, layout + place)[0] if place < size else 0
    return table + offset if offset else None
