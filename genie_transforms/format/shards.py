"""The shards of a bank: Arrow IPC *stream* files, which `datasets` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms._errors import BankFormatError

from .files import atomic_path


def write_shard(path: Path, table: pa.Table, schema: pa.Schema | None = None) -> dict[str, Any]:
    """Write a table as an Arrow stream, atomically; a table without rows has no record batch.

    The same rows in the same chunks give the same bytes.

    Args:
        path: The file.
        table: Its rows.
        schema: As from `arrow_schema`, for a table that lacks its metadata; the table's own if
            not given.

    Returns:
        The entry of the shard in a manifest: `name`, `rows` and `sha256`.
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
    try:
        return pa.ipc.open_stream(pa.memory_map(str(path), "r")).read_all()
    except FileNotFoundError as error:
        raise BankFormatError(f"the shard {path} is missing: rebuild the bank") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise BankFormatError(f"the shard {path} is damaged ({error}): rebuild the bank") from error
