"""Vectors with ids in FAISS, searched by inner product."""

from __future__ import annotations

from collections import Counter
from typing import Any

import faiss
import numpy as np

from genie_transforms import UserError

from .search import Doubles, Embeddings, Integers, nearest

FLAT = "Flat"


class VectorIndex:
    """Vectors with stable ids, searched by inner product.

    Args:
        dimension: D of the vectors.
        factory: How FAISS stores them, a string for `faiss.index_factory` such as "HNSW32" or
            "IVF4096,PQ64". "Flat" is exact. Anything else is approximate: see `measure_recall`.

    Attributes:
        recall: What `measure_recall` found last; None before, and after vectors were added.

    Raises:
        UserError: FAISS does not know the factory.
    """

    def __init__(self, dimension: int, factory: str = FLAT) -> None:
        self.dimension = dimension
        self.factory = factory
        self.recall: dict[str, float] | None = None
        self._rows: dict[int, int] = {}
        self._ids: Integers | None = None  # the keys of `_rows`, once asked for
        try:
            inner = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        except RuntimeError as error:
            raise UserError(
                f"FAISS knows no index {factory!r} for dimension {dimension}; Flat is exact"
            ) from error
        if hasattr(inner, "do_polysemous_training"):
            # Takes seconds for each sub-quantizer, and serves a search that is not used here.
            inner.do_polysemous_training = False
        self._index: Any = faiss.IndexIDMap2(inner)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ids(self) -> Integers:
        """All ids, in the order in which they were added, ``(N,)`` int64."""
        if self._ids is None:
            self._ids = np.fromiter(self._rows, dtype=np.int64, count=len(self))
        return self._ids

    def check(self, vectors: Embeddings, ids: Integers) -> None:
        """Refuse what cannot be added.

        Raises:
            ValueError: Shapes disagree, a value is not finite, or an id is taken.
        """
        if vectors.shape != (len(ids), self.dimension):
            raise ValueError(
                f"embeddings {vectors.shape} and {len(ids)} ids do not fit an index of dimension "
                f"{self.dimension}"
            )
        if not np.isfinite(vectors).all():
            raise ValueError("an embedding is not finite: check the backbone")
        again = [i for i, count in Counter(ids.tolist()).items() if count > 1 or i in self._rows]
        if again:
            raise ValueError(f"ids must be new and unique; taken or repeated: {again[:5]}")

    def add_vectors(self, vectors: Embeddings, ids: Integers) -> None:
        """Add vectors ``(N, D)`` with ids ``(N,)`` int64; the first ones train the index.

        Raises:
            ValueError: See `check`.
            UserError: There are too few vectors to train on.
        """
        self.check(vectors, ids)
        if not self._index.is_trained:
            try:
                self._index.train(vectors)
            except RuntimeError as error:
                raise UserError(
                    f"{len(vectors)} images are too few for FAISS to learn {self.factory!r} "
                    "from: add more in the first call, or use 'Flat'"
                ) from error
        self._index.add_with_ids(vectors, ids)
        self._rows.update(zip(ids.tolist(), range(len(self), len(self) + len(ids)), strict=True))
        self._ids = self.recall = None

    def nearest_images(self, queries: Embeddings, k: int) -> tuple[Integers, Doubles]:
        """Return the vectors nearest to each query, as FAISS finds them.

        Args:
            queries: ``(Q, D)`` float32, unit norm.
            k: Vectors of each query.

        Returns:
            Ids ``(Q, k)`` int64, nearest first, -1 where there are fewer, and similarities
            ``(Q, k)`` float64.

        Raises:
            ValueError: k is below 1, or the queries have another dimension.
        """
        similarities, ids = self._index.search(self.check_queries(queries, k), k)
        return ids, similarities.astype(np.float64)

    def check_queries(self, queries: Embeddings, k: int) -> Embeddings:
        """Return queries as FAISS takes them.

        Raises:
            ValueError: k is below 1, or the queries have another dimension.
        """
        if k < 1 or queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(
                f"k must be at least 1 and queries (Q, {self.dimension}), got k = {k} and "
                f"{queries.shape}"
            )
        return np.ascontiguousarray(queries, dtype=np.float32)

    def tune(self, parameters: str) -> None:
        """Trade speed for recall, in FAISS's words: "nprobe=16", "efSearch=64".

        Raises:
            UserError: The index has no such parameter.
        """
        try:
            faiss.ParameterSpace().set_index_parameters(self._index, parameters)  # type: ignore[arg-type]
        except RuntimeError as error:
            raise UserError(f"an index {self.factory!r} cannot take {parameters!r}") from error
        self.recall = None

    def measure_recall(self, vectors: Embeddings, queries: Embeddings, k: int = 10) -> float:
        """Return the share of the true k nearest vectors that the index finds.

        Args:
            vectors: What was added, in order, ``(N, D)`` float32: a compressed index does not
                keep them.
            queries: ``(Q, D)`` float32, unit norm.
            k: Vectors of each query, at most N.

        Returns:
            Recall at k, in [0, 1]; also kept in `recall`.

        Raises:
            ValueError: The vectors are not those of the index, or k is out of its range.
        """
        if vectors.shape != (len(self), self.dimension) or not 1 <= k <= len(self):
            raise ValueError(
                f"recall at {k} needs the {len(self)} embeddings that were added, got "
                f"{vectors.shape}"
            )
        true, _ = nearest(vectors, queries, k)
        found, _ = self.nearest_images(queries, k)
        hits = share_found(found, self.ids[true])
        self.recall = {"at": k, "queries": len(queries), "recall": hits}
        return hits


def share_found(found: Integers, true: Integers) -> float:
    """Return the share of the true neighbours ``(Q, k)`` that were found ``(Q, k)``, in [0, 1]."""
    return float((found[:, :, None] == true[:, None, :]).any(2).mean())
