"""The one writer and the one reader of Arrow files."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pytest

from genie_transforms import BankFormatError
from genie_transforms.format import arrow_schema, read_shard, write_shard
from tests.banks import CLASSES, all_pairs

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
