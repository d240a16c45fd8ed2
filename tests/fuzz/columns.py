"""Changes to the columns and images of a bank, with checksums that fit."""

from __future__ import annotations

import io
import json
import struct
import zlib
from random import Random
from typing import Any

import pyarrow as pa
from PIL import Image

from .bank_files import Files, encoded, jpeg, put_shard, read_table
from .mutations import change_value

_INTEGERS = (None, -1, 0, 1, 2, 3, 7, 2**31, 2**63 - 1, -(2**63))
_FLOATS = (None, float("nan"), float("inf"), -1.0, 0.0, 1.5, 1e38)
_TEXTS = (None, "", "x", "\0", "A" * 32, "g" * 32, "0" * 31, " " * 32, "é" * 16, "0" * 10_000)
_LISTS = (None, [], [None], [0.5], [0.1] * 3, [float("nan")] * 3, [0.1] * 5000, [0.5, None, 0.7])
_TYPES = (
    pa.int8(), pa.int32(), pa.uint64(), pa.float16(), pa.float64(), pa.string(), pa.large_string(),
    pa.binary(), pa.string_view(), pa.null(), pa.bool_(), pa.date32(), pa.timestamp("ns"),
    pa.decimal128(38, 2), pa.dictionary(pa.int8(), pa.string()), pa.list_(pa.float64()),
    pa.large_list(pa.float32()), pa.list_(pa.float32(), 3), pa.struct([]),
    pa.struct([("bytes", pa.large_binary()), ("path", pa.string())]),
    pa.struct([("bytes", pa.binary())]), pa.struct([("path", pa.string()), ("bytes", pa.binary())]),
    pa.map_(pa.string(), pa.int64()), pa.run_end_encoded(pa.int32(), pa.int64()),
)  # fmt: skip


def change_columns(random: Random, files: Files) -> None:
    """Change some columns of one shard."""
    if (chosen := _some_shard(random, files)) is None:
        return
    name, table = chosen
    for _ in range(random.choice((1, 1, 2))):
        change = random.choice((_values, _values, _images, _images, _images, _layout, _metadata))
        try:
            table = change(random, table)
        except (
            pa.ArrowException,
            LookupError,
            ValueError,
            TypeError,
            RecursionError,
        ):  # what cannot be
            continue
    data = _written(random, table)
    if random.random() < 0.8:
        put_shard(files, name, data, table.num_rows)
    else:
        files[name] = data


def _some_shard(random: Random, files: Files) -> tuple[str, pa.Table] | None:
    """Choose a shard that can still be read without danger."""
    names = [name for name, data in files.items() if name.endswith(".arrow") and _is_good(data)]
    if not names:
        return None
    name = random.choice(sorted(names))
    return name, read_table(files[name])  # type: ignore[arg-type]


def _is_good(data: Any) -> bool:
    """Tell whether a shard is still what it was."""
    try:
        table = read_table(data)
        table.validate(full=True)
    except (pa.ArrowException, TypeError, ValueError, OSError):
        return False
    return "image" in table.column_names and table.num_columns > 1


def _values(random: Random, table: pa.Table) -> pa.Table:
    """Replace some values of a column, and leave its type."""
    place = random.randrange(table.num_columns)
    field = table.schema.field(place)
    pool: Any = (
        _INTEGERS if pa.types.is_integer(field.type)
        else _FLOATS if pa.types.is_floating(field.type)
        else _TEXTS if pa.types.is_string(field.type)
        else (None, True, False) if pa.types.is_boolean(field.type)
        else _LISTS
    )  # fmt: skip
    values = table.column(place).to_pylist()
    for row in range(len(values)):
        if random.random() < 0.3:
            values[row] = random.choice(pool)
    return table.set_column(place, field, pa.array(values, field.type))


def _images(random: Random, table: pa.Table) -> pa.Table:
    """Replace images, or change bytes within them."""
    name = "sweep" if "sweep" in table.column_names and random.random() < 0.5 else "image"
    cells = table.column(name).to_pylist()
    for row, cell in enumerate(cells):
        if random.random() < 0.5:
            cells[row] = _cell(random, cell)
    place = table.column_names.index(name)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(cells, field.type))


def _cell(random: Random, cell: Any) -> Any:
    """Change an image, or the images of a sweep."""
    if isinstance(cell, list):
        return [_cell(random, one) for one in cell[: random.randrange(4)]]
    if cell is None or not cell["bytes"] or random.random() < 0.4:
        return random.choice((None, *({"bytes": blob, "path": "/etc/passwd"} for blob in _BLOBS)))
    blob = bytearray(cell["bytes"])
    for _ in range(random.choice((1, 1, 2, 8))):
        blob[random.randrange(len(blob))] = random.randrange(256)
    data = bytes(blob[: random.randrange(len(blob))] if random.random() < 0.2 else blob)
    return {"bytes": _with_checksums(data) if random.random() < 0.5 else data, "path": None}


def _with_checksums(data: bytes) -> bytes:
    """Mend the checksums of a PNG, so that its reader comes to what is in its chunks."""
    signature, place = data[:8], 8
    if signature != b"\x89PNG\r\n\x1a\n":
        return data
    chunks = [signature]
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        body = data[place + 4 : place + 8 + min(length, len(data))]
        chunks.append(struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join(chunks) + data[place:]


def _layout(random: Random, table: pa.Table) -> pa.Table:
    """Remove, repeat, rename or retype a column, or add or drop rows."""
    place = random.randrange(table.num_columns)
    name = table.column_names[place]
    kind = random.choice(_TYPES)
    match random.randrange(7):
        case 0:
            return table.remove_column(place)
        case 1:
            return table.append_column(table.schema.field(place), table.column(place))
        case 2:
            names = [other if other != name else "x" for other in table.column_names]
            return table.rename_columns(names).replace_schema_metadata(table.schema.metadata)
        case 3:
            return table.set_column(place, name, table.column(place).cast(kind))
        case 4:
            return table.set_column(place, name, pa.nulls(table.num_rows, kind))
        case 5:
            return table.append_column(
                random.choice(("x", "é", "", "sweep")), pa.nulls(table.num_rows, kind)
            )
        case _:
            return pa.concat_tables([table] * random.choice((0, 2, 3))) if table.num_rows else table


def _metadata(random: Random, table: pa.Table) -> pa.Table:
    """Change the features in the metadata."""
    metadata = dict(table.schema.metadata or {})
    if random.random() < 0.3:
        metadata = {b"huggingface": random.choice((b"", b"null", b"{", b"\xff", b"[" * 10_000))}
    elif b"huggingface" in metadata:
        features = change_value(random, json.loads(metadata[b"huggingface"]))
        metadata[b"huggingface"] = json.dumps(features).encode(errors="surrogatepass")
    return table.replace_schema_metadata(metadata)


def _written(random: Random, table: pa.Table) -> bytes:
    """Write the table, sometimes as nobody should: compressed, in another format, in pieces."""
    compression = random.choice((None,) * 18 + ("zstd", "lz4"))
    if compression and random.random() < 0.3:
        table = table.append_column("zeros", pa.array([bytes(2**22)] * table.num_rows))
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_file if random.random() < 0.05 else pa.ipc.new_stream
    sink = pa.BufferOutputStream()
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=random.choice((1, 2, 1000)))
    return sink.getvalue().to_pybytes()


def _png(
    width: int, height: int, depth: int, colour: int, data: bytes, extra: bytes = b""
) -> bytes:
    """Write a PNG whose head promises anything."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), (b"zTXt", extra), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
        if body or kind == b"IEND"
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _many_scans() -> bytes:
    """Repeat the last scan of a progressive JPEG: each costs a pass over all pixels."""
    sink = io.BytesIO()
    Image.new("L", (512, 512)).save(sink, "JPEG", progressive=True)
    data = sink.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 3000 + data[-2:]


def _blobs() -> tuple[bytes | None, ...]:
    """Make images that no bank should have, and some that it may."""
    small, grey = Image.new("RGB", (5, 4), (1, 2, 3)), Image.new("L", (5, 4), 7)
    others = ("GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "EPS", "PDF", "JPEG2000", "MPO", "TGA")
    modes = ("1", "L", "LA", "P", "RGBA", "I;16")
    return (
        None, b"", b"x", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"%!PS-Adobe-3.0 EPSF-3.0\n",
        *(encoded(small, name) for name in others),
        *(encoded(grey.convert(mode), "PNG") for mode in modes),
        encoded(small.convert("CMYK"), "JPEG"), encoded(Image.new("RGB", (20_000, 1)), "PNG"),
        _png(2**31 - 1, 2**31 - 1, 8, 2, b""), _png(13_000, 13_000, 8, 0, bytes(10_000)),
        _png(10_000, 10_000, 1, 0, bytes(10_000)), _png(4000, 4000, 8, 2, bytes(100)),
        _png(0, 0, 8, 2, b"x"), _png(1, 1, 16, 6, bytes(9)), _png(5, 5, 8, 3, bytes(30)),
        _png(5, 5, 8, 2, bytes(80), b"a\0\0" + zlib.compress(bytes(2**24))),
        _many_scans(), jpeg(3)[:300],
    )  # fmt: skip


_BLOBS = _blobs()
