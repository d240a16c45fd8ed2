"""The one search against brute force in NumPy, ties included."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.embed import search


def _brute(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Compare everything in double precision, one pair after the other."""
    wide = vectors.astype(np.float64)
    products = np.array([[(wide[n] * q).sum() for n in range(len(wide))] for q in queries])
    products = products.reshape(len(queries), len(wide))
    rows = np.lexsort((np.broadcast_to(np.arange(len(wide)), products.shape), -products))[:, :k]
    return rows, np.take_along_axis(products, rows, 1)


def _check(vectors: np.ndarray, queries: np.ndarray, k: int) -> None:
    rows, products = search.nearest(vectors, queries, k)
    expected_rows, expected = _brute(vectors, queries, k)
    count = min(k, len(vectors))
    np.testing.assert_array_equal(rows[:, :count], expected_rows)
    np.testing.assert_array_equal(products[:, :count], expected)
    assert (rows[:, count:] == -1).all()
    assert (products[:, count:] == -np.inf).all()


@settings(max_examples=40, deadline=None)
@given(
    distinct=st.integers(1, 12),
    copies=st.integers(1, 12),
    dimension=st.sampled_from([1, 3, 70]),
    k=st.integers(1, 30),
    seed=st.integers(0, 2**16),
    wide=st.booleans(),
)
def test_nearest_is_brute_force_also_among_copies(
    distinct: int, copies: int, dimension: int, k: int, seed: int, wide: bool
) -> None:
    rng = np.random.default_rng(seed)
    originals = rng.standard_normal((distinct, dimension)).astype(
        np.float64 if wide else np.float32
    )
    vectors = rng.permutation(np.concatenate([originals] * copies))
    queries = np.concatenate(
        [originals[:3], rng.standard_normal((2, dimension)).astype(np.float32)]
    )
    _check(vectors, queries, k)


def test_what_single_precision_cannot_tell_apart_is_told_apart() -> None:
    rng = np.random.default_rng(0)
    one = rng.standard_normal(64)
    # A thousand vectors that differ in the ninth decimal: in float32 they are all alike.
    vectors = one + 1e-9 * rng.standard_normal((1000, 64))
    assert len(np.unique(np.float32(vectors) @ np.float32(one))) < 20
    _check(vectors, one[None], 5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(1).integers(-1, 2, (150, 3)).astype(np.float32)  # many ties
    whole = search.nearest(vectors, vectors, 40)
    for name, value in {"_VECTORS": 16, "_QUERIES": 7, "_AT_ONCE": 100, "_SLACK": 1}.items():
        monkeypatch.setattr(search, name, value)
    parts = search.nearest(vectors, vectors, 40)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)
    _check(vectors, vectors[:9], 40)


def test_a_gpu_proposes_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def knn_gpu(resources: Any, queries: Any, vectors: Any, k: int, metric: int) -> Any:
        asked.append((resources, k))
        return faiss.knn(queries, vectors, k, metric=metric)

    # Nothing but the names is FAISS's: faiss-cpu has no GPU, and so the call is all that is tested.
    fake = SimpleNamespace(
        knn=faiss.knn,
        knn_gpu=knn_gpu,
        METRIC_INNER_PRODUCT=faiss.METRIC_INNER_PRODUCT,
        StandardGpuResources=lambda: "resources",
        get_num_gpus=lambda: 1,
    )
    vectors = np.random.default_rng(2).standard_normal((300, 4)).astype(np.float32)
    monkeypatch.setattr(search, "faiss", fake)
    monkeypatch.setattr(search, "_GPU_WORK", 1000)
    for cached in (search._gpu, search._gpu_resources):
        cached.cache_clear()
    try:
        _check(vectors, vectors[:4], 3)
        assert asked == [("resources", 11)]
        _check(vectors, vectors[:1], 3)  # too little work
        monkeypatch.setattr(search, "_GPU_MOST", 10)
        _check(vectors, vectors[:4], 3)  # more than a GPU finds
        assert len(asked) == 1
    finally:
        for cached in (search._gpu, search._gpu_resources):
            cached.cache_clear()


def test_bad_input_is_named() -> None:
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match=r"k must be at least 1 and queries \(Q, 3\), got k = 0"):
        search.nearest(vectors, vectors, 0)
    with pytest.raises(ValueError, match=r"got k = 1 and \(3, 2\)"):
        search.nearest(vectors, vectors[:, :2], 1)
    for place in ("vectors", "queries"):
        given = {"vectors": vectors.copy(), "queries": vectors.copy()}
        given[place][1, 1] = np.nan
        with pytest.raises(ValueError, match="not finite"):
            search.nearest(**given, k=1)
    rows, products = search.nearest(vectors[:0], vectors, 2)
    assert (rows == -1).all()
    assert (products == -np.inf).all()
