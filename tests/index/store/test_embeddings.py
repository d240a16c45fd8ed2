"""Embeddings stand beside their shard, in the order of its rows."""

from pathlib import Path

import numpy as np
import pytest

from index.store.embeddings import chosen_embeddings, write_embeddings


def test_chosen_embeddings_are_the_last_ones(tmp_path: Path) -> None:
    # Two pairs in two dimensions: the whole sweep of one, one predicted noise ratio of the other.
    blocks = [np.arange(8, dtype=np.float32).reshape(4, 2), np.float32([[8, 9], [8, 9]])]
    path = tmp_path / "embeddings.arrow"
    write_embeddings(path, ["k0", "k1"], blocks, [np.ones(2)] * 2)
    assert chosen_embeddings(path, 2).tolist() == [[6, 7], [8, 9]]
    with pytest.raises(ValueError, match="holds 2 pairs, its shard 3"):
        chosen_embeddings(path, 3)


def test_a_shard_without_rows_has_no_embeddings(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "empty.arrow", [], [], [])
    assert len(chosen_embeddings(tmp_path / "empty.arrow", 0)) == 0
