"""The one writer and the one reader of Arrow files."""

from __future__ import annotations

import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genie_transforms import Bank, BankFormatError
from genie_transforms.format import arrow_schema, read_rows, read_shard, write_shard
from tests.banks import CLASSES, all_pairs, write_bank

SCHEMA = arrow_schema(CLASSES)
TABLE = pa.Table.from_pylist(all_pairs(), schema=SCHEMA)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "data-00000-of-00001.arrow"
    entry = write_shard(path, TABLE)
    assert entry == {
        "name": path.name,
        "rows": 12,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    table = read_shard(path)
    assert table.equals(TABLE)
    assert table.schema.metadata == SCHEMA.metadata
    assert list(path.parent.iterdir()) == [path]


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    entries = [write_shard(tmp_path / name, TABLE) for name in ("a", "b")]
    assert entries[0]["sha256"] == entries[1]["sha256"]


def test_a_given_schema_brings_its_metadata(tmp_path: Path) -> None:
    write_shard(tmp_path / "a", TABLE)
    write_shard(tmp_path / "b", TABLE.replace_schema_metadata(None), SCHEMA)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("empty", [SCHEMA.empty_table(), TABLE.slice(0, 0), TABLE[:0]])
def test_a_table_without_rows_has_no_batch(tmp_path: Path, empty: pa.Table) -> None:
    path = tmp_path / "empty.arrow"
    assert write_shard(path, empty)["rows"] == 0
    sink = io.BytesIO()
    pa.ipc.new_stream(sink, SCHEMA).close()
    assert path.read_bytes() == sink.getvalue()
    assert read_shard(path).equals(SCHEMA.empty_table())


def test_a_table_that_does_not_fit_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "shard.arrow"
    write_shard(path, TABLE)
    before = path.read_bytes()
    with pytest.raises(pa.ArrowInvalid):
        write_shard(path, TABLE.drop_columns(["seed"]), SCHEMA)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_mapped_shard_stays_readable_while_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "shard.arrow"
    write_shard(path, TABLE)
    mapped = read_shard(path)
    write_shard(path, TABLE.slice(0, 1))
    assert mapped.equals(TABLE)
    assert read_shard(path).num_rows == 1


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "shard.arrow"
    with pytest.raises(BankFormatError, match=r"shard\.arrow is missing"):
        read_shard(path)
    path.write_bytes(b"not an Arrow file")
    with pytest.raises(BankFormatError, match=r"shard\.arrow is damaged"):
        read_shard(path)


def write_stream(path: Path, table: pa.Table, **options: Any) -> None:
    with pa.ipc.new_stream(
        str(path), table.schema, options=pa.ipc.IpcWriteOptions(**options)
    ) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_shard_is_refused_before_it_is_unpacked(
    tmp_path: Path, compression: str
) -> None:
    path = tmp_path / "shard.arrow"
    write_stream(path, pa.table({"zeros": [bytes(2**20)]}), compression=compression)
    assert path.stat().st_size < 2**16
    before = pa.total_allocated_bytes()
    with pytest.raises(BankFormatError, match="it is compressed"):
        read_shard(path)
    assert pa.total_allocated_bytes() - before < 2**16


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data-00000-of-00001.arrow"
    twice = pa.Table.from_arrays([TABLE["label"], TABLE["label"]], names=["", ""])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, twice.schema) as stream:
        stream.write_table(twice)
    with pytest.raises(BankFormatError, match="it has several columns of the name ''"):
        read_shard(path)


def test_offsets_that_lead_out_of_the_file_are_found(tmp_path: Path) -> None:
    path = tmp_path / "shard.arrow"
    write_stream(path, pa.table({"text": ["ab", "cd", "efg"]}))
    data = path.read_bytes()
    offsets = b"".join(offset.to_bytes(4, "little") for offset in (0, 2, 4, 7))
    assert data.count(offsets) == 1
    path.write_bytes(data.replace(offsets, offsets[:-4] + (2**30).to_bytes(4, "little")))
    with pytest.raises(BankFormatError, match=r"shard\.arrow is damaged"):
        read_shard(path)


def test_columns_of_other_types_are_refused_and_unknown_ones_left_out(tmp_path: Path) -> None:
    path = tmp_path / "shard.arrow"
    label = TABLE.column_names.index("label")
    write_stream(path, TABLE.set_column(label, "label", TABLE["label"].cast("int32")))
    with pytest.raises(BankFormatError, match="the column label is int32 and must be int64"):
        read_rows(path)
    write_stream(path, TABLE.append_column("seed", TABLE["seed"]))
    with pytest.raises(BankFormatError, match="two columns have one name"):
        read_rows(path)
    odd = pa.nulls(TABLE.num_rows, pa.list_(pa.decimal128(3)))
    write_stream(path, TABLE.append_column("odd", odd).append_column("new", TABLE["seed"]))
    assert read_rows(path).column_names == [*TABLE.column_names, "new"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": 2**63 - 1}, "has the label 9223372036854775807, which is none of the 3"),
        ({"source_label": -1}, "has the source_label -1, which is none"),
        ({"nearest_class": 3}, "has the nearest_class 3, which is none"),
        ({"label": None}, "has rows without label"),
        ({"source_digest": "g" * 32}, "source_digest of .* is damaged"),
        ({"source_digest": None}, "source_digest of .* is damaged"),
    ],
)
def test_values_that_indexes_rely_on(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    rows = all_pairs()
    rows[8].update(change)
    with pytest.raises(BankFormatError, match=message):
        Bank.open(write_bank(tmp_path, rows))


def test_imported_rows_have_no_nearest_class(tmp_path: Path) -> None:
    rows = [{**row, "nearest_class": None} for row in all_pairs()]
    assert Bank.open(write_bank(tmp_path, rows)).verify() == []


def test_shards_of_a_bank_with_another_order_of_the_classes_are_refused(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "a", class_names=["bird", "cat", "dog"])
    other = write_bank(tmp_path / "b", class_names=["dog", "bird", "cat"])
    for shard in other.glob("data-*"):
        shutil.copy(shard, folder)  # a copy that was stopped before genie.json
    with pytest.raises(BankFormatError, match=r"data-00000.* other classes than .* copied in part"):
        Bank.open(folder)
