"""Near-duplicates, by hand and by brute force."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.store.duplicates import mark_near_duplicates, near_duplicates
from index.store.embeddings import embeddings_path, write_embeddings
from index.store.shards import read_table, stats_path, write_shard
from tests.banks import CLASSES, row

from .written import write


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_marks_by_hand() -> None:
    vectors = _unit(np.array([[1, 0], [1, 0.01], [0, 1], [1, 0], [0, 1]]))
    labels = np.array([0, 0, 0, 1, 0])
    # Row 1 is like row 0, row 4 like row 2; row 3 is like row 0, but of another class.
    assert near_duplicates(vectors, labels).tolist() == [False, True, False, False, True]
    assert near_duplicates(vectors, labels, 1.0).tolist() == [False, False, False, False, True]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 150), st.integers(0, 2**16))
def test_marks_equal_brute_force(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = _unit(rng.standard_normal((count, 3)))
    labels, wide = rng.integers(2, size=count), vectors.astype(np.float64)
    expected = [
        any(labels[j] == labels[i] and wide[j] @ wide[i] >= 0.98 for j in range(i))
        for i in range(count)
    ]
    assert near_duplicates(vectors, labels, 0.98).tolist() == expected


def test_a_bank_is_marked_across_its_shards(tmp_path: Path) -> None:
    stats = {"failures": [], "network_rows": 0, "seconds": {}}
    for shard, sources in enumerate(([0, 1], [2], [])):
        rows = [row(source, source, 0, 1) for source in sources]
        blocks = [np.float32([[0, 1], [1 - source % 2, source % 2]]) for source in sources]
        keys, centroids = [str(source) for source in sources], [np.ones(2)] * len(sources)
        write_embeddings(embeddings_path(tmp_path, shard), keys, blocks, centroids)
        write_shard(tmp_path, shard, 3, rows, CLASSES, stats)
    untouched = stats_path(tmp_path, 0).read_bytes()
    columns = ["source_id", "label", "near_duplicate"]
    marked = mark_near_duplicates(tmp_path, read_table(tmp_path, columns))
    assert marked["near_duplicate"].to_pylist() == [False, False, True]  # 0 and 2 are both (1, 0)
    marks = read_table(tmp_path, ["source_id", "near_duplicate"]).to_pylist()
    assert [mark["source_id"] for mark in marks if mark["near_duplicate"]] == ["2.png"]
    assert stats_path(tmp_path, 0).read_bytes() == untouched
    before = stats_path(tmp_path, 1).stat().st_mtime_ns
    again = mark_near_duplicates(tmp_path)  # nothing is written
    assert again["near_duplicate"].to_pylist() == [False, False, True]
    assert stats_path(tmp_path, 1).stat().st_mtime_ns == before


def test_the_table_of_another_bank_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 0, [0, 1])
    table = read_table(tmp_path)
    with pytest.raises(ValueError, match=r"the table has 1 rows, the bank in .* 2"):
        mark_near_duplicates(tmp_path, table.slice(1))
