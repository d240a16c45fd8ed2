"""Shards: atomic, readable by `datasets`, and never mixed between recipes."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from datasets import ClassLabel, load_from_disk

from genie_transforms.format.manifest import Manifest
from index.store.claim import SUPERSEDED, claim_folder, own_pairs, supersede_shards
from index.store.embeddings import embeddings_path, write_embeddings
from index.store.finalize import finalize
from index.store.pairs import PairStore
from index.store.shards import (
    finished_shards,
    read_stats,
    read_table,
    replace_shard,
    stale_shards,
    stats_path,
    write_shard,
)
from tests.banks import CLASSES, row

STATS: dict[str, Any] = {"failures": [], "network_rows": 10, "seconds": {"network": 1.0}}
BUILD: dict[str, Any] = {"recipe": {"keep_sweep": False, "seed": 0}, "fingerprint": {"model": "m"}}


def _write(out: Path, index: int, labels: list[int], **changes: Any) -> None:
    rows = [
        row(index * 10 + k, k, (label + 1) % 3, label, **changes) for k, label in enumerate(labels)
    ]
    keys = [f"{index} {k}" for k in range(len(rows))]
    embeddings = [np.full((4, 2), index, dtype=np.float32)] * len(rows)
    centroids = [np.array([1.0, 0.0])] * len(rows)
    write_embeddings(embeddings_path(out, index), keys, embeddings, centroids)
    write_shard(out, index, 2, rows, CLASSES, STATS)


def test_a_finalized_bank_opens_with_datasets(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, BUILD)
    _write(out, 1, [2])
    _write(out, 0, [0, 1])
    finalize(out, CLASSES, BUILD, 3)
    table = load_from_disk(str(out))
    assert table["label"][:] == [0, 1, 2]
    assert isinstance(table.features["label"], ClassLabel)
    assert table.features["label"].names == list(CLASSES)
    assert table[0]["image"].size == (16, 16)
    manifest = Manifest.read(out)
    assert manifest.counts == {
        "pairs": 3,
        "rows": 3,
        "failed": 0,
        "network_rows": 20,
        "reused": 0,
        "shards": 2,
    }
    for shard in manifest.shards:
        data = (out / shard["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == shard["sha256"]


def test_a_shard_without_stats_is_not_finished(tmp_path: Path) -> None:
    _write(tmp_path, 0, [0])
    _write(tmp_path, 1, [1])
    assert finished_shards(tmp_path) == {0, 1}
    stats_path(tmp_path, 1).unlink()
    assert finished_shards(tmp_path) == {0}


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    _write(tmp_path / "a", 0, [0, 1])
    _write(tmp_path / "b", 0, [0, 1])
    name = "data-00000-of-00002.arrow"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_recipe_is_refused_with_what_differs(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, BUILD)
    claim_folder(out, BUILD)  # the same again: continue
    changed = {**BUILD, "recipe": {"keep_sweep": False, "seed": 1}}
    with pytest.raises(FileExistsError, match=r"recipe\.seed \(0 there, 1 now\)"):
        claim_folder(out, changed)


def test_another_plan_sets_finished_shards_aside(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, {**BUILD, "plan": {"pairs": 3}})
    _write(out, 0, [0, 1])
    _write(out, 1, [2])
    finalize(out, CLASSES, BUILD, 3)
    claim_folder(out, {**BUILD, "plan": {"pairs": 4}})
    assert not finished_shards(out)
    assert not list(out.glob("data-*"))
    assert not (out / "genie.json").exists()  # unfinished again
    earlier = PairStore(out / SUPERSEDED)
    assert earlier.keys() == {"0 0", "0 1", "1 0"}
    assert [made.row["label"] for made in earlier.get("0 1")] == [1]
    claim_folder(out, {**BUILD, "plan": {"pairs": 4}})  # now this is what was begun
    claim_folder(out, {**BUILD, "recipe": {**BUILD["recipe"], "pairs": "all"}})  # a plan, too


def test_an_interrupted_growth_is_taken_up_again(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, {**BUILD, "plan": {"pairs": 3}})
    _write(out, 0, [0, 1])
    _write(out, 1, [2])
    supersede_shards(out, [0])  # and killed here
    claim_folder(out, {**BUILD, "plan": {"pairs": 4}})
    assert PairStore(out / SUPERSEDED).keys() == {"0 0", "0 1", "1 0"}


def test_a_shard_without_embeddings_cannot_be_set_aside(tmp_path: Path) -> None:
    _write(tmp_path, 0, [0])
    _write(tmp_path, 1, [1])
    embeddings_path(tmp_path, 1).unlink()
    with pytest.raises(FileExistsError, match=r"cannot grow: .*00001.arrow is missing"):
        supersede_shards(tmp_path, [0, 1])
    assert finished_shards(tmp_path) == {0, 1}  # nothing has been removed


def test_stale_shards_and_own_pairs(tmp_path: Path) -> None:
    _write(tmp_path, 0, [0, 1])
    _write(tmp_path, 1, [2], stale=True)
    assert stale_shards(tmp_path) == [1]
    assert own_pairs(tmp_path).keys() == {"0 0", "0 1", "1 0"}


def test_a_column_can_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, BUILD)
    _write(out, 0, [0, 1])
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
    _write(tmp_path, 0, [0, 1])
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


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(FileExistsError, match="not empty and not a bank"):
        claim_folder(tmp_path, BUILD)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_read_table_leaves_images_out_unless_asked(tmp_path: Path) -> None:
    _write(tmp_path, 0, [0, 1])
    assert "image" not in read_table(tmp_path).column_names
    assert read_table(tmp_path, ["image"]).column_names == ["image"]
