"""Vectors with ids in FAISS, searched by inner product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import faiss
import numpy as np

from genie_transforms import UserError

from .centroids import Embeddings, Integers

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
        return np.fromiter(self._rows, dtype=np.int64, count=len(self))

    def rows(self, ids: Integers) -> Integers:
        """Return the rows of ids, ``(N,)`` int64: their places in the order of adding.

        Raises:
            KeyError: There is no such id.
        """
        return np.array([self._rows[image] for image in ids.tolist()], dtype=np.int64)

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
        self.recall = None

    def embedding(self, image: int) -> Embeddings:
        """Return the vector with an id, ``(D,)`` float32; exact in a flat index.

        Raises:
            KeyError: No vector has this id.
        """
        if int(image) not in self._rows:
            raise KeyError(f"no image {image} among the {len(self)} of this index")
        vector: Embeddings = self.embeddings([self._rows[int(image)]])[0]
        return vector

    def embeddings(self, rows: Sequence[int] | None = None) -> Embeddings:
        """Return the vectors of some rows, or of all, ``(N, D)`` float32.

        Exact in a flat index, decoded in others; rows count in the order of adding.
        """
        inverted = faiss.try_extract_index_ivf(self._index.index)
        if inverted is not None:
            inverted.make_direct_map()  # no work if it is there already
        wanted = np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.int64)
        vectors: Embeddings = self._index.index.reconstruct_batch(wanted)
        return vectors

    def nearest_images(self, queries: Embeddings, k: int) -> tuple[Integers, Embeddings]:
        """Return the vectors nearest to each query.

        Args:
            queries: ``(Q, D)`` float32, unit norm.
            k: Vectors of each query.

        Returns:
            Ids ``(Q, k)`` int64, nearest first, -1 where there are fewer, and similarities
            ``(Q, k)`` float32.

        Raises:
            ValueError: k is below 1, or the queries have another dimension.
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if k < 1 or queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(
                f"k must be at least 1 and queries (Q, {self.dimension}), got k = {k} and "
                f"{queries.shape}"
            )
        similarities, ids = self._index.search(queries, k)
        return ids, similarities

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
        _, rows = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        found, _ = self.nearest_images(queries, k)
        hits = float((found[:, :, None] == self.ids[rows][:, None, :]).any(2).mean())
        self.recall = {"at": k, "queries": len(queries), "recall": hits}
        return hits
