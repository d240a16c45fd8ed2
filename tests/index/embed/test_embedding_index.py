"""The FAISS index against brute force."""

import json
from pathlib import Path

import numpy as np
import pytest

from genie_transforms import UserError
from index.embed.embedding_index import EmbeddingIndex


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
    assert index.class_ranking(1).tolist() == [[1], [0], [1]]


def test_class_ranking_is_brute_force_and_ties_go_to_the_smaller_number() -> None:
    centres = _unit(30, 8)
    centres = np.concatenate([centres, centres[:10]])  # every class from 30 on is another's twin
    index = EmbeddingIndex(8)
    index.add(centres, np.arange(40), np.arange(40))
    wide = centres.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    similarity = (wide[:, None] * wide[None]).sum(2)
    np.fill_diagonal(similarity, np.inf)
    expected = np.argsort(-similarity, axis=1, kind="stable")[:, 1:]
    assert np.array_equal(index.class_ranking(), expected)
    assert np.array_equal(index.class_ranking(5), expected[:, :5])
    assert index.class_ranking(1)[[0, 30], 0].tolist() == [30, 0]
    with pytest.raises(ValueError, match="a class has 39 others, not 40"):
        index.class_ranking(40)


def test_classes_without_images_are_nobodys_neighbours() -> None:
    index = EmbeddingIndex(2, num_classes=5)
    points = np.array([[1, 0], [0.8, 0.6], [-1, 0]], dtype=np.float32)
    index.add(points, np.arange(3), np.array([0, 2, 3]))
    similarity = index.class_similarities(np.array([[0.0, 2.0]], dtype=np.float32))
    np.testing.assert_allclose(similarity, [[0, -np.inf, 0.6, 0, -np.inf]], atol=1e-7)
    ranking = [[2, 3, 1, 4], [0, 2, 3, 4], [0, 3, 1, 4], [2, 0, 1, 4], [0, 2, 3, 1]]
    assert index.class_ranking().tolist() == ranking
    assert index.class_ranking(1).tolist() == [[2], [0], [0], [2], [0]]
    assert index.nearest_classes(np.array([[0.6, 0.8]], dtype=np.float32), 3)[0].tolist() == [
        [2, 0, 3]
    ]
    assert len(index.stored_as("Flat").classes) == 5


def test_nearest_among_some_rows() -> None:
    index, embeddings, _ = _filled()
    among = np.array([3, 10, 11, 40])
    rows, cosines = index.nearest_rows(embeddings[:4], 5, among)
    exact = embeddings[:4] @ embeddings[among].T
    order = np.argsort(-exact, axis=1)
    assert np.array_equal(rows[:, :4], among[order])
    assert rows[:, 4].tolist() == [-1] * 4
    np.testing.assert_allclose(cosines[:, :4], np.take_along_axis(exact, order, 1), atol=1e-6)
    none, _ = index.nearest_rows(embeddings[:1], 2, among[:0])
    assert none.tolist() == [[-1, -1]]


def test_round_trip_on_disk(tmp_path: Path) -> None:
    index, embeddings, labels = _filled()
    index.save(tmp_path)
    again = EmbeddingIndex.load(tmp_path)
    assert len(again) == 60
    assert again.embedding(1003).tolist() == embeddings[1].tolist()
    assert np.array_equal(again.ids, index.ids)
    np.testing.assert_array_equal(again.centroids(), index.centroids())
    again.add(_unit(1, 8, seed=3), np.array([5]), np.array([0]))  # and it can be extended
    assert len(again) == 61
    assert np.array_equal(again.labels[:60], labels)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["centroids.npz", "images.faiss", "index.json"]


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    index, _, _ = _filled()
    index.save(tmp_path / "old")
    index.add(_unit(1, 8, seed=3), np.array([5]), np.array([0]))
    index.save(tmp_path / "new")
    (tmp_path / "new" / "images.faiss").replace(tmp_path / "old" / "images.faiss")
    with pytest.raises(ValueError, match=r"old is damaged, its files count \[60, 61\] images"):
        EmbeddingIndex.load(tmp_path / "old")
    with pytest.raises(FileNotFoundError, match=r"it has no images\.faiss"):
        EmbeddingIndex.load(tmp_path / "new")


def test_nearest_classes_by_hand() -> None:
    index = EmbeddingIndex(2)
    points = np.array([[1, 0], [0.8, 0.6], [-1, 0]], dtype=np.float32)
    index.add(points, np.arange(3), np.arange(3))
    classes, cosines = index.nearest_classes(np.array([[0.6, 0.8]], dtype=np.float32), 2)
    assert classes.tolist() == [[1, 0]]
    np.testing.assert_allclose(cosines, [[0.96, 0.6]], atol=1e-6)
    with pytest.raises(ValueError, match=r"k must lie in \[1, 3\], the number of classes, got 4"):
        index.nearest_classes(points, 4)


def test_fewer_images_than_wanted() -> None:
    index, _, _ = _filled(2)
    ids, _ = index.nearest_images(_unit(1, 8), 3)
    assert ids[0, 2] == -1
    assert sorted(ids[0, :2].tolist()) == [1000, 1003]
    with pytest.raises(ValueError, match="k = 0"):
        index.nearest_images(_unit(1, 8), 0)


@pytest.mark.parametrize("factory", ["HNSW16", "IVF8,Flat", "IVF8,PQ4x4", "SQ8"])
def test_approximate_indexes_find_most_and_say_how_much(factory: str, tmp_path: Path) -> None:
    embeddings, labels = _unit(800, 8), np.arange(800) % 4
    index = EmbeddingIndex(8, factory)
    index.add(embeddings, np.arange(800), labels)
    if "IVF" in factory:
        index.tune("nprobe=4")
    recall = index.measure_recall(embeddings, _unit(30, 8, seed=1), k=5)
    found, _ = index.nearest_images(_unit(30, 8, seed=1), 5)
    exact = np.argsort(-_unit(30, 8, seed=1) @ embeddings.T, axis=1)[:, :5]
    shared = [len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True)]
    assert recall == pytest.approx(sum(shared) / 150)
    assert recall > 0.3
    np.testing.assert_array_equal(index.embeddings(), embeddings)
    np.testing.assert_allclose(index.centroid(2), embeddings[labels == 2].mean(0), atol=1e-6)

    index.save(tmp_path)
    again = EmbeddingIndex.load(tmp_path)
    assert again.factory == factory
    assert again.recall == {"at": 5, "queries": 30, "recall": recall}
    assert again.embedding(7).tolist() == embeddings[7].tolist()
    again.add(_unit(1, 8, seed=2), np.array([900]), np.array([0]))
    assert again.recall is None  # no longer measured
    assert again.embedding(900).tolist() == _unit(1, 8, seed=2)[0].tolist()
    assert np.array_equal(again.embeddings()[:800], embeddings)


def test_wrong_factories_are_named() -> None:
    with pytest.raises(ValueError, match="FAISS knows no index 'Flatt' for dimension 8"):
        EmbeddingIndex(8, "Flatt")
    with pytest.raises(ValueError, match="4 images are too few for FAISS to learn 'IVF8,Flat'"):
        EmbeddingIndex(8, "IVF8,Flat").add(_unit(4, 8), np.arange(4), np.arange(4))
    with pytest.raises(ValueError, match="'Flat' cannot take 'nprobe=4'"):
        EmbeddingIndex(8).tune("nprobe=4")


def test_bad_input_is_named(tmp_path: Path) -> None:
    index, embeddings, _ = _filled()
    with pytest.raises(ValueError, match=r"repeated: \[1000\]"):
        index.add(embeddings[:1], np.array([1000]), np.array([0]))
    with pytest.raises(ValueError, match="dimension 8"):
        index.add(_unit(1, 9), np.array([1]), np.array([0]))
    with pytest.raises(ValueError, match="labels count from 0, got -1"):
        index.add(_unit(1, 8), np.array([1]), np.array([-1]))
    with pytest.raises(ValueError, match="1 ids, 2 labels"):
        index.add(_unit(1, 8), np.array([1]), np.array([0, 0]))
    with pytest.raises(KeyError, match="no image 3 among the 60"):
        index.embedding(3)
    assert len(index) == 60
    with pytest.raises(ValueError, match="not finite"):
        index.add(np.full((1, 8), np.nan, np.float32), np.array([1]), np.array([0]))
    index.add(_unit(1, 8, seed=4), np.array([1]), np.array([6]))
    with pytest.raises(ValueError, match=r"classes \[4, 5\] have no image"):
        index.centroids()
    with pytest.raises(ValueError, match="class 5 has no image"):
        index.centroid(5)
    with pytest.raises(FileNotFoundError, match=r"no images\.faiss"):
        EmbeddingIndex.load(tmp_path)


def test_an_exact_index_can_be_stored_in_another_way(tmp_path: Path) -> None:
    index, embeddings, _ = _filled(500)
    other = index.stored_as("IVF4,Flat", sample=100)
    found, _ = other.nearest_images(embeddings[::5], 10)
    exact = index.ids[np.argsort(-embeddings[::5] @ embeddings.T, axis=1, kind="stable")[:, :10]]
    shared = [len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True)]
    assert other.recall is not None
    assert other.recall["queries"] == 100
    assert other.recall["at"] == 10
    assert other.recall["recall"] == pytest.approx(sum(shared) / 1000)
    assert 0.1 < other.recall["recall"] < 1
    np.testing.assert_array_equal(other.centroids(), index.centroids())
    other.save(tmp_path)
    assert EmbeddingIndex.load(tmp_path).recall == other.recall
    again = other.stored_as("Flat")  # nothing was lost
    np.testing.assert_array_equal(again.embeddings(), embeddings)
    with pytest.raises(ValueError, match="too few for FAISS to learn 'IVF1024,Flat'"):
        index.stored_as("IVF1024,Flat")


def test_embeddings_are_kept_beside_an_index_that_compresses(tmp_path: Path) -> None:
    index, embeddings, _ = _filled(500)
    other = index.stored_as("IVF4,PQ4x4")
    for folder in ("first", "second"):
        other.save(tmp_path / folder)
    files = [sorted((tmp_path / folder).iterdir()) for folder in ("first", "second")]
    assert [path.name for path in files[0]] == [
        "centroids.npz", "embeddings.npy", "images.faiss", "index.json",
    ]  # fmt: skip
    for one, same in zip(*files, strict=True):
        assert one.read_bytes() == same.read_bytes()
    again = EmbeddingIndex.load(tmp_path / "first")
    assert isinstance(again.embeddings(), np.memmap)
    np.testing.assert_array_equal(again.embeddings(), embeddings)
    rows, cosines = again.nearest_rows(embeddings, 1)
    assert rows[:, 0].tolist() == list(range(500))
    np.testing.assert_allclose(cosines, 1, atol=1e-6)
    index.save(tmp_path / "first")  # a flat index has them, once
    assert not (tmp_path / "first" / "embeddings.npy").exists()


def test_lost_or_foreign_embeddings_are_noticed(tmp_path: Path) -> None:
    other = _filled(500)[0].stored_as("SQ4")
    other.save(tmp_path)
    np.save(tmp_path / "embeddings.npy", np.zeros((499, 8), dtype=np.float32))
    with pytest.raises(ValueError, match=r"holds vectors \(499, 8\) of float32, the index beside"):
        EmbeddingIndex.load(tmp_path)
    (tmp_path / "embeddings.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"it has no embeddings\.npy"):
        EmbeddingIndex.load(tmp_path)


@pytest.mark.parametrize(
    ("factory", "kept"), [("HNSW8", True), ("IVF4,Flat", True), ("SQ4", False)]
)
def test_folders_of_old_give_embeddings_only_where_faiss_has_them(
    tmp_path: Path, factory: str, kept: bool
) -> None:
    index, embeddings, _ = _filled(500)
    index.stored_as(factory).save(tmp_path)
    (tmp_path / "embeddings.npy").unlink()
    about = json.loads((tmp_path / "index.json").read_text())
    del about["embeddings"]
    (tmp_path / "index.json").write_text(json.dumps(about))
    old = EmbeddingIndex.load(tmp_path)
    assert old.keeps_embeddings == kept
    if kept:
        np.testing.assert_array_equal(old.embeddings(), embeddings)
        return
    ids, _ = old.nearest_images(embeddings[:1], 2)  # as FAISS finds them
    assert ids.shape == (1, 2)
    for use in (
        old.embeddings,
        lambda: old.nearest_rows(embeddings, 1),
        lambda: old.embedding(1000),
    ):
        with pytest.raises(
            UserError, match="compressed, as 'SQ4': run the build of the bank again"
        ):
            use()
    with pytest.raises(UserError, match="compressed"):
        old.add(_unit(1, 8), np.array([5]), np.array([0]))
    assert len(old) == 500
