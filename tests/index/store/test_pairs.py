"""Finished pairs are found by what they are, wherever they were made."""

from pathlib import Path

import numpy as np

from index.store.embeddings import embeddings_path, write_embeddings
from index.store.pairs import PairStore, keep_shard
from index.store.shards import write_shard
from tests.banks import CLASSES, row

KEYS = ["k0", "k1"]
EMBEDDINGS = np.arange(16, dtype=np.float32).reshape(2, 4, 2)  # 2 pairs, 3 ratios + choice, D = 2
CENTROIDS = np.array([[0.25, 0.5], [1.0, 1 / 3]])


def _shard(out: Path) -> tuple[Path, Path]:
    rows = [row(k, source=k, source_label=0, label=1) for k in range(2)]
    write_shard(out, 0, 1, rows, CLASSES, {"failures": [], "network_rows": 0, "seconds": {}})
    write_embeddings(embeddings_path(out, 0), KEYS, list(EMBEDDINGS), list(CENTROIDS))
    return out / "data-00000-of-00001.arrow", embeddings_path(out, 0)


def test_a_kept_shard_is_found_by_key(tmp_path: Path) -> None:
    rows, embeddings = _shard(tmp_path / "bank")
    keep_shard(tmp_path / "store", rows, embeddings)
    store = PairStore(tmp_path / "store")
    assert store.keys() == set(KEYS)
    (pair,) = store.get("k1")
    assert pair.row["source_id"] == "1.png"
    assert pair.row["image"]["bytes"].startswith(b"\x89PNG")
    np.testing.assert_array_equal(pair.embeddings, EMBEDDINGS[1])
    np.testing.assert_array_equal(pair.centroid, CENTROIDS[1])  # in double precision
    assert store.get("k2") == []
    assert len(PairStore(tmp_path / "nowhere")) == 0


def test_keeping_twice_keeps_once_and_costs_no_disk(tmp_path: Path) -> None:
    rows, embeddings = _shard(tmp_path / "bank")
    for _ in range(2):
        keep_shard(tmp_path / "store", rows, embeddings)
    files = sorted((tmp_path / "store").iterdir())
    assert len(files) == 2
    assert files[1].stat().st_ino == rows.stat().st_ino  # a hard link
    assert len(PairStore(tmp_path / "store").get("k0")) == 1


def test_shards_of_a_bank_can_be_included_where_they_are(tmp_path: Path) -> None:
    store = PairStore(tmp_path / "store")
    store.include(*_shard(tmp_path / "bank"))
    assert store.keys() == set(KEYS)
    assert not (tmp_path / "store").exists()
