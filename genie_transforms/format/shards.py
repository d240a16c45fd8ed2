"""The Arrow files of a bank, memory-mapped: columns as arrays, image bytes by row."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms._errors import BankFormatError


def map_table(path: Path) -> pa.Table:
    """Map one Arrow stream file; its pages are read when they are touched."""
    try:
        return pa.ipc.open_stream(pa.memory_map(str(path), "r")).read_all()
    except FileNotFoundError as error:
        raise BankFormatError(f"the shard {path} is missing: rebuild the bank") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise BankFormatError(f"the shard {path} is damaged ({error}): rebuild the bank") from error


def _write_shard(path: Path, table: pa.Table, schema: pa.Schema) -> dict[str, Any]:
    """Write one table as an Arrow stream; give its entry in the manifest."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table)
    data = sink.getvalue()
    path.write_bytes(data)
    return {
        "name": path.name,
        "rows": table.num_rows,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
