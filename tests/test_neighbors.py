"""The FAISS index against brute force."""

from pathlib import Path

import numpy as np
import pytest

from index.neighbors import EmbeddingIndex


def _unit(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _filled(count: int = 60, dimension: int = 8) -> tuple[EmbeddingIndex, np.ndarray, np.ndarray]:
    embeddings, labels = _unit(count, dimension), np.arange(count) % 4
    index = EmbeddingIndex(dimension)
    index.add(embeddings, np.arange(count) * 3 + 1000, labels)
    return index, embeddings, labels


def test_nearest_images_equal_brute_force() -> None:
    index, embeddings, _ = _filled()
    queries = _unit(5, 8, seed=1)
    ids, similarities = index.nearest_images(queries, 7)
    exact = queries @ embeddings.T
    order = np.argsort(-exact, axis=1)[:, :7]
    assert np.array_equal(ids, order * 3 + 1000)
    np.testing.assert_allclose(similarities, np.take_along_axis(exact, order, 1), atol=1e-6)


def test_centroids_are_plain_means_also_when_images_come_later() -> None:
    whole, embeddings, labels = _filled()
    parts = EmbeddingIndex(8)
    for rows in np.array_split(np.random.default_rng(2).permutation(60), 7):
        parts.add(embeddings[rows], rows, labels[rows])
    expected = np.stack([embeddings[labels == c].mean(0) for c in range(4)])
    np.testing.assert_allclose(whole.centroids(), expected, atol=1e-6)
    np.testing.assert_allclose(parts.centroids(), expected, atol=1e-6)
    assert np.linalg.norm(parts.centroid(2)) < 0.9  # not normalised again


def test_class_similarities_and_ranking_by_hand() -> None:
    index = EmbeddingIndex(2)
    points = np.array([[1, 0], [0.8, 0.6], [-1, 0]], dtype=np.float32)
    index.add(points, np.arange(3), np.arange(3))
    similarity = index.class_similarities(np.array([[0.0, 2.0]], dtype=np.float32))
    np.testing.assert_allclose(similarity, [[0, 0.6, 0]], atol=1e-7)
    assert index.class_ranking().tolist() == [[1, 2], [0, 2], [1, 0]]


def test_round_trip_on_disk(tmp_path: Path) -> None:
    index, embeddings, _ = _filled()
    index.save(tmp_path)
    again = EmbeddingIndex.load(tmp_path)
    assert len(again) == 60
    assert again.embedding(1003).tolist() == embeddings[1].tolist()
    assert np.array_equal(again.ids, index.ids)
    np.testing.assert_array_equal(again.centroids(), index.centroids())
    again.add(_unit(1, 8, seed=3), np.array([5]), np.array([0]))  # and it can be extended
    assert len(again) == 61
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_bad_input_is_named(tmp_path: Path) -> None:
    index, embeddings, _ = _filled()
    with pytest.raises(ValueError, match=r"repeated: \[1000\]"):
        index.add(embeddings[:1], np.array([1000]), np.array([0]))
    with pytest.raises(ValueError, match="dimension 8"):
        index.add(_unit(1, 9), np.array([1]), np.array([0]))
    with pytest.raises(ValueError, match="not finite"):
        index.add(np.full((1, 8), np.nan, np.float32), np.array([1]), np.array([0]))
    index.add(_unit(1, 8, seed=4), np.array([1]), np.array([6]))
    with pytest.raises(ValueError, match=r"classes \[4, 5\] have no image"):
        index.centroids()
    with pytest.raises(FileNotFoundError, match=r"no images\.faiss"):
        EmbeddingIndex.load(tmp_path)
