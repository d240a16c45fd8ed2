"""Indexes of merged banks, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from genie_transforms import UserError
from index.embed import EmbeddingIndex
from index.store import merge_indexes

RIGHT, UP, LEFT = ([1.0, 0.0], [0.0, 1.0], [-1.0, 0.0])


def _index(folder: Path, images: list[tuple[list[float], int, str]]) -> Path:
    index = EmbeddingIndex(2)
    vectors, labels, digests = zip(*images, strict=True)
    index.add(np.float32(vectors), np.arange(len(images)), np.array(labels), digests)
    index.save(folder / "index")
    return folder


def test_images_of_both_under_their_new_classes(tmp_path: Path) -> None:
    a = _index(tmp_path / "a", [(RIGHT, 0, "r"), (UP, 1, "u"), (UP, 1, "u")])
    b = _index(tmp_path / "b", [(UP, 0, "u"), (LEFT, 1, "l"), (UP, 1, "u")])
    # Class 0 of b is class 1 of a; its other class is new.
    merge_indexes(tmp_path / "all", [a, b], [[0, 1], [1, 2]])
    merged = EmbeddingIndex.load(tmp_path / "all" / "index")
    # a keeps its copy within a class, as its own build did; b's u of the same class is no news.
    assert list(merged.digests) == ["r", "u", "u", "l", "u"]
    assert merged.labels.tolist() == [0, 1, 1, 2, 2]
    assert merged.ids.tolist() == [0, 1, 2, 3, 4]
    assert merged.centroids().tolist() == [[1, 0], [0, 1], [-0.5, 0.5]]
    assert merged.embeddings().tolist() == [RIGHT, UP, UP, LEFT, UP]


def test_the_merge_of_one_is_itself(tmp_path: Path) -> None:
    a = _index(tmp_path / "a", [(RIGHT, 0, "r"), (UP, 1, "u"), (UP, 1, "u")])
    merge_indexes(tmp_path / "all", [a], [[0, 1]])
    for name in ("images.faiss", "centroids.npz", "index.json"):
        assert (tmp_path / "all/index" / name).read_bytes() == (a / "index" / name).read_bytes()


def test_embeddings_beside_a_compressed_index_are_merged(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = EmbeddingIndex(8)
    index.add(vectors, np.arange(300), np.arange(300) % 2, [str(k) for k in range(300)])
    index.stored_as("PQ2x4").save(tmp_path / "index")
    merge_indexes(tmp_path / "all", [tmp_path], [[0, 1]])
    merged = EmbeddingIndex.load(tmp_path / "all" / "index")
    np.testing.assert_array_equal(merged.embeddings(), vectors)

    # A bank of old has the codes alone.
    about = json.loads((tmp_path / "index" / "index.json").read_text())
    del about["embeddings"]
    (tmp_path / "index" / "index.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="compressed, as 'PQ2x4': run its build again"):
        merge_indexes(tmp_path / "again", [tmp_path], [[0, 1]])
