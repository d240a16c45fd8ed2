"""Shards: whole or not there, the same bytes for the same rows, images only on demand."""

import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import load_from_disk

from genie_transforms.format import Manifest
from index.store import claim_folder, finalize
from index.store.shards import (
    finished_shards,
    num_rows,
    read_stats,
    read_table,
    replace_shard,
    shard_path,
    stale_shards,
    stats_path,
)
from tests.banks import CLASSES

from .written import BUILD, write


def test_a_shard_without_stats_is_not_finished(tmp_path: Path) -> None:
    write(tmp_path, 0, [0])
    write(tmp_path, 1, [1])
    assert finished_shards(tmp_path) == {0, 1}
    stats_path(tmp_path, 1).unlink()
    assert finished_shards(tmp_path) == {0}


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a", 0, [0, 1])
    write(tmp_path / "b", 0, [0, 1])
    name = "data-00000-of-00002.arrow"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_column_can_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, BUILD)
    write(out, 0, [0, 1])
    replace_shard(out, 0, "near_duplicate", pa.array([False, True]))
    finalize(out, CLASSES, BUILD, 2)
    table = load_from_disk(str(out))
    assert table["near_duplicate"][:] == [False, True]
    assert table["label"][:] == [0, 1]
    assert table.features["label"].names == list(CLASSES)
    shard = Manifest.read(out).shards[0]
    assert hashlib.sha256((out / shard["name"]).read_bytes()).hexdigest() == shard["sha256"]


def test_a_replaced_column_is_done_again_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 0, [0, 1])
    name, marks = "data-00000-of-00002.arrow", pa.array([False, True])
    before = (tmp_path / name).read_bytes()
    replace = os.replace

    def killed(source: Path, destination: Path) -> None:
        if Path(destination) == tmp_path / name:
            raise KeyboardInterrupt
        replace(source, destination)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        replace_shard(tmp_path, 0, "near_duplicate", marks)
    monkeypatch.undo()
    assert (tmp_path / name).read_bytes() == before  # the old column: it is seen to be undone
    replace_shard(tmp_path, 0, "near_duplicate", marks)
    (stats,) = read_stats(tmp_path)
    assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == stats["shard"]["sha256"]


def test_read_table_leaves_images_out_unless_asked(tmp_path: Path) -> None:
    write(tmp_path, 0, [0, 1])
    assert "image" not in read_table(tmp_path).column_names
    assert read_table(tmp_path, ["image"]).column_names == ["image"]


def test_stale_shards_have_a_stale_row(tmp_path: Path) -> None:
    write(tmp_path, 0, [0, 1])
    write(tmp_path, 1, [2], stale=True)
    assert stale_shards(tmp_path) == [1]


def test_a_finished_shard_knows_its_file_and_its_size(tmp_path: Path) -> None:
    write(tmp_path, 1, [0, 1])
    assert shard_path(tmp_path, 1) == tmp_path / "data-00001-of-00002.arrow"
    assert num_rows(tmp_path, 1) == 2
