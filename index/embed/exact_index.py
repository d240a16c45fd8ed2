"""A FAISS index that keeps its vectors as they were: FAISS proposes, they decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genie_transforms import UserError

from .exact_vectors import ExactVectors, held_vectors
from .search import Doubles, Embeddings, Integers, best, inner_products, nearest
from .vectors import FLAT, VectorIndex

_RERANKED = 4
"""Candidates of an approximate index for each neighbour that is wanted."""


class ExactIndex(VectorIndex):
    """Embeddings with ids, kept exactly whatever FAISS makes of them.

    Args:
        dimension: D of the embeddings.
        factory: How FAISS stores them; "Flat" is exact (see `VectorIndex`).
    """

    def __init__(self, dimension: int, factory: str = FLAT) -> None:
        super().__init__(dimension, factory)
        # A flat index holds them itself.
        empty = np.zeros((0, dimension), dtype=np.float32)
        self._exact = None if factory == FLAT else ExactVectors(empty)

    def add_vectors(self, vectors: Embeddings, ids: Integers) -> None:
        """Add vectors ``(N, D)`` with ids ``(N,)`` int64; the first ones train the index.

        Raises:
            ValueError: See `check`.
            UserError: There are too few vectors to train on, or earlier ones are only kept
                compressed.
        """
        exact = None if self.factory == FLAT else self._kept()
        super().add_vectors(vectors, ids)
        if exact is not None:
            exact.add(vectors)

    @property
    def keeps_embeddings(self) -> bool:
        """Whether the embeddings are there as they were added: not in some banks of old."""
        return self.factory == FLAT or self._exact is not None

    def embedding(self, image: int) -> Embeddings:
        """Return the embedding of the image with an id, ``(D,)`` float32, as it was added.

        Raises:
            KeyError: No image has this id.
            UserError: See `embeddings`.
        """
        if int(image) not in self._rows:
            raise KeyError(f"no image {image} among the {len(self)} of this index")
        vector: Embeddings = self._vectors()[self._rows[int(image)]].copy()
        return vector

    def embeddings(self, rows: Sequence[int] | Integers | None = None) -> Embeddings:
        """Return the embeddings of some rows, or of all, ``(N, D)`` float32, as they were added.

        Rows count in the order of adding. Those of all may be mapped from a file, read-only.

        Raises:
            UserError: The index was read from a folder that keeps them compressed.
        """
        vectors = self._vectors()
        if rows is not None:
            chosen: Embeddings = vectors[np.asarray(rows, dtype=np.int64)]
            return chosen
        # A flat index lends its own memory, which moves when images are added.
        return vectors.copy() if self.factory == FLAT else vectors

    def _vectors(self) -> Embeddings:
        return held_vectors(self._index.index) if self.factory == FLAT else self._kept().all()

    def _kept(self) -> ExactVectors:
        if self._exact is None:
            raise UserError(
                f"the index keeps its embeddings compressed, as {self.factory!r}: run the build of "
                "the bank again, which makes no image again and keeps them exactly"
            )
        return self._exact

    def nearest_rows(
        self, queries: Embeddings, k: int, among: Integers | None = None
    ) -> tuple[Integers, Doubles]:
        """Return the rows of the images nearest to each query, exactly, whatever the factory.

        Args:
            queries: ``(Q, D)`` float32, unit norm.
            k: Images of each query.
            among: Only these rows, ascending, ``(M,)`` int64; all if not given.

        Returns:
            Rows ``(Q, k)`` int64 and cosines ``(Q, k)`` float64 (see `nearest`).

        Raises:
            UserError: See `embeddings`.
            ValueError: See `nearest`.
        """
        if among is None:
            return nearest(self._vectors(), queries, k)
        places, cosines = nearest(self.embeddings(among), queries, k)
        return np.append(among, -1)[places], cosines  # the last place stands for none

    def nearest_images(self, queries: Embeddings, k: int) -> tuple[Integers, Doubles]:
        """Return the images nearest to each query: exactly, if the index is flat.

        An approximate index proposes some, and their embeddings decide.

        Args:
            queries: ``(Q, D)`` float32, unit norm.
            k: Images of each query.

        Returns:
            Ids ``(Q, k)`` int64, nearest first and the first added first of equally near ones, -1
            where there are fewer; and cosines ``(Q, k)`` float64.

        Raises:
            ValueError: See `nearest`.
        """
        if not self.keeps_embeddings:
            return super().nearest_images(queries, k)
        if self.factory == FLAT:
            rows, cosines = self.nearest_rows(queries, k)
        else:
            queries = self.check_queries(queries, k)
            _, rows = self._index.index.search(queries, _RERANKED * k)
            rows = np.sort(rows, axis=1)
            cosines = inner_products(self._vectors(), queries, rows)
            rows, cosines = best(rows, np.where(rows < 0, -np.inf, cosines), k)
        # The last place stands for none.
        return np.append(self.ids, -1)[rows], cosines
