"""The one search: nearest vectors by inner product, found by FAISS and decided in double precision.

FAISS computes in single precision and breaks ties as it happens to. Here it only proposes: whatever
its rounding might hide is compared again in double precision, in a fixed order of summation, and of
equally near vectors the one with the smaller row comes first. So the result is that of brute force
in NumPy, on the CPU or on a GPU, however many threads there are.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_SLACK = 8
"""Candidates beyond the k wanted: enough unless many are equally near."""

_VECTORS, _QUERIES = 2**16, 2**10
"""Rows of one block; what is searched may be larger than the memory, in a mapped file."""

_AT_ONCE = 2**22
"""Numbers in double precision that one step holds."""

_GPU_WORK = 2**24
"""Similarities of a block from which on it pays to send vectors to a GPU."""

_GPU_MOST = 2048
"""FAISS finds no more neighbours on a GPU."""


def nearest(
    vectors: Embeddings | Doubles, queries: Embeddings | Doubles, k: int
) -> tuple[Integers, Doubles]:
    """Return the vectors nearest to each query, exactly.

    Args:
        vectors: ``(N, D)`` float32 or float64, in memory or mapped from a file.
        queries: ``(Q, D)`` float32 or float64.
        k: Vectors of each query.

    Returns:
        Rows ``(Q, k)`` int64, nearest first, the smaller row first of equally near ones, -1 where
        there are fewer than k; and inner products ``(Q, k)`` float64, ``-inf`` there.

    Raises:
        ValueError: k is below 1, shapes disagree, or a number is not finite.
    """
    if k < 1 or queries.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"k must be at least 1 and queries (Q, {vectors.shape[1]}), got k = {k} and "
            f"{queries.shape}"
        )
    _check_finite(queries)
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    products = np.full((len(queries), k), -np.inf)
    for first in range(0, len(vectors), _VECTORS):
        block = vectors[first : first + _VECTORS]
        _check_finite(block)
        for start in range(0, len(queries), _QUERIES):
            asking = slice(start, start + _QUERIES)
            found, near = _in_block(block, queries[asking], min(k, len(block)))
            # Rows of earlier blocks are smaller, and stand first.
            both = np.concatenate([rows[asking], found + first], axis=1)
            near = np.concatenate([products[asking], near], axis=1)
            rows[asking], products[asking] = best(both, near, k)
    return rows, products


def inner_products(
    vectors: Embeddings | Doubles, queries: Embeddings | Doubles, rows: Integers
) -> Doubles:
    """Return the inner product of each query with its own vectors, ``(Q, k)`` float64.

    Equal vectors give equal products to the last bit, which a matrix product does not promise.

    Args:
        vectors: ``(N, D)``.
        queries: ``(Q, D)``.
        rows: Which vectors each query asks for, ``(Q, k)`` int64.
    """
    products = np.empty(rows.shape)
    step = max(1, _AT_ONCE // max(1, rows.shape[1] * vectors.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        gathered = vectors[rows[part]].astype(np.float64)
        gathered *= queries[part, None].astype(np.float64)
        products[part] = gathered.sum(axis=2)
    return products


def best(rows: Integers, products: Doubles, k: int) -> tuple[Integers, Doubles]:
    """Return the k best of each line of ``(Q, M)``, best first; equal ones stay in their order.

    Returns:
        Rows ``(Q, k)`` int64 and inner products ``(Q, k)`` float64, M columns if k is larger.
    """
    order = np.argsort(-products, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(products, order, axis=1)


def _in_block(
    vectors: Embeddings | Doubles, queries: Embeddings | Doubles, k: int
) -> tuple[Integers, Doubles]:
    """Return `nearest` among at least k vectors, few enough to be copied."""
    rows = np.empty((len(queries), k), dtype=np.int64)
    products = np.empty((len(queries), k))
    narrow = np.ascontiguousarray(vectors, dtype=np.float32)
    margin = _rounding(narrow, queries)
    undecided, wanted = np.arange(len(queries)), min(k + _SLACK, len(vectors))
    while len(undecided):
        # Many candidates only where many vectors are equally near, and then of few queries at once.
        parts = np.array_split(undecided, -(-len(undecided) * wanted // _AT_ONCE))
        left = []
        for part in parts:
            found, sure = _candidates(narrow, queries[part], wanted, k, margin)
            left.append(part[~sure])
            part, found = part[sure], np.sort(found[sure], axis=1)
            near = inner_products(vectors, queries[part], found)
            rows[part], products[part] = best(found, near, k)
        undecided, wanted = np.concatenate(left), min(4 * wanted, len(vectors))
    return rows, products


def _candidates(
    vectors: Embeddings, queries: Embeddings | Doubles, wanted: int, k: int, margin: float
) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Propose rows ``(Q, wanted)``, and say ``(Q,)`` whether the k nearest must be among them."""
    if wanted == len(vectors):
        everything = np.broadcast_to(np.arange(wanted), (len(queries), wanted))
        return everything, np.ones(len(queries), dtype=np.bool_)
    scores, found = _search(vectors, queries, wanted)
    # The last candidate is out of reach of the k-th: so is whatever was not found.
    return found, scores[:, -1] < scores[:, k - 1].astype(np.float64) - margin


def _check_finite(numbers: Embeddings | Doubles) -> None:
    if not np.isfinite(numbers).all():
        raise ValueError("an embedding is not finite: check the backbone")


def _rounding(vectors: Embeddings, queries: Embeddings | Doubles) -> float:
    """Bound how far single precision can shift one inner product against another."""
    # A sum of D products is off by at most D units of 2^-24, numbers in double precision by two
    # more as they are rounded; and both products may be off.
    largest = [float(np.linalg.norm(block, axis=1).max(initial=0)) for block in (vectors, queries)]
    return float((vectors.shape[1] + 6) * 2.0**-23 * largest[0] * largest[1])


def _search(
    vectors: Embeddings, queries: Embeddings | Doubles, k: int
) -> tuple[Embeddings, Integers]:
    """Let FAISS find k candidates of each query: scores, best first, and rows ``(Q, k)``."""
    narrow = np.ascontiguousarray(queries, dtype=np.float32)
    metric = faiss.METRIC_INNER_PRODUCT
    if _gpu() and k <= _GPU_MOST and len(narrow) * len(vectors) >= _GPU_WORK:
        scores, found = faiss.knn_gpu(_gpu_resources(), narrow, vectors, k, metric=metric)
    else:
        scores, found = faiss.knn(narrow, vectors, k, metric=metric)
    return scores, found.astype(np.int64)


@cache
def _gpu() -> bool:
    """Return whether FAISS was built for GPUs and sees one; faiss-cpu never does."""
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0


@cache
def _gpu_resources() -> Any:
    return faiss.StandardGpuResources()
