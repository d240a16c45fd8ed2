"""Where the classes lie: a FAISS index of source embeddings, with class centroids."""

from __future__ import annotations

import os
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class EmbeddingIndex:
    """Embeddings with ids and labels, searched by inner product, exactly.

    Centroids are plain means, kept as sum and count, so that adding images moves them exactly.
    They are not normalised again, as in the authors' code.

    Args:
        dimension: D of the embeddings.

    Example:
        >>> index = EmbeddingIndex(256)
        >>> index.add(embeddings, ids, labels)
        >>> index.nearest_images(queries, k=5)
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._sums = np.zeros((0, dimension))
        self._counts = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, embeddings: Embeddings, ids: Integers, labels: Integers) -> None:
        """Add images.

        Args:
            embeddings: ``(N, D)`` float32, unit norm.
            ids: Stable numbers of the images, ``(N,)`` int64, new ones.
            labels: Their classes, ``(N,)`` int64.

        Raises:
            ValueError: Shapes disagree, an embedding is not finite, or an id is taken.
        """
        embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
        if embeddings.shape != (len(ids), self.dimension) or len(ids) != len(labels):
            raise ValueError(
                f"embeddings {embeddings.shape}, {len(ids)} ids and {len(labels)} labels do not "
                f"fit an index of dimension {self.dimension}"
            )
        if not np.isfinite(embeddings).all():
            raise ValueError("an embedding is not finite: check the backbone")
        taken = np.intersect1d(ids, self.ids)
        if len(taken) or len(np.unique(ids)) != len(ids):
            raise ValueError(f"ids must be new and unique; taken or repeated: {taken[:5].tolist()}")
        self._index.add_with_ids(embeddings, np.asarray(ids, dtype=np.int64))
        if len(labels):
            self._grow(int(np.max(labels)) + 1)
        np.add.at(self._sums, labels, embeddings.astype(np.float64))
        np.add.at(self._counts, labels, 1)

    def _grow(self, num_classes: int) -> None:
        missing = num_classes - len(self._counts)
        if missing > 0:
            self._sums = np.concatenate([self._sums, np.zeros((missing, self.dimension))])
            self._counts = np.concatenate([self._counts, np.zeros(missing, dtype=np.int64)])

    @property
    def ids(self) -> Integers:
        """Ids of all images, in the order in which they were added, ``(N,)`` int64."""
        ids: Integers = faiss.vector_to_array(self._index.id_map)
        return ids

    def embedding(self, image: int) -> Embeddings:
        """Give the embedding of the image with an id, ``(D,)`` float32."""
        vector: Embeddings = self._index.reconstruct(int(image))
        return vector

    def centroids(self) -> npt.NDArray[np.float64]:
        """Give the centroids of all classes, ``(C, D)`` float64.

        Raises:
            ValueError: A class has no image.
        """
        empty = np.flatnonzero(self._counts == 0)
        if len(empty):
            raise ValueError(f"classes {empty[:5].tolist()} have no image, so no centroid")
        means: npt.NDArray[np.float64] = self._sums / self._counts[:, None]
        return means

    def centroid(self, label: int) -> npt.NDArray[np.float64]:
        """Give the centroid of a class, ``(D,)`` float64."""
        return self.centroids()[label]

    def nearest_images(self, queries: Embeddings, k: int) -> tuple[Integers, Embeddings]:
        """Find the images nearest to each query.

        Args:
            queries: ``(Q, D)`` float32, unit norm.
            k: Images of each query.

        Returns:
            Ids ``(Q, k)`` int64, -1 where there are fewer, and similarities ``(Q, k)`` float32.
        """
        similarities, ids = self._index.search(np.ascontiguousarray(queries, np.float32), k)
        return ids, similarities

    def class_similarities(self, embeddings: Embeddings) -> npt.NDArray[np.float64]:
        """Give the cosine of each embedding ``(N, D)`` to each centroid, ``(N, C)`` float64."""
        centroids = self.centroids()
        unit = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        cosines: npt.NDArray[np.float64] = embeddings.astype(np.float64) @ unit.T / norms
        return cosines

    def class_ranking(self) -> Integers:
        """Rank for each class the others, nearest centroid first, ``(C, C - 1)`` int64."""
        similarity = self.class_similarities(self.centroids().astype(np.float32))
        np.fill_diagonal(similarity, np.inf)
        return np.argsort(-similarity, axis=1, kind="stable")[:, 1:].astype(np.int64)

    def save(self, folder: Path) -> None:
        """Write `images.faiss` and `centroids.npz` into a folder, each file whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".images.{os.getpid()}.tmp"
        faiss.write_index(self._index, str(temporary))
        os.replace(temporary, folder / "images.faiss")
        temporary = folder / f".centroids.{os.getpid()}.tmp"
        with temporary.open("wb") as file:
            np.savez(file, sums=self._sums, counts=self._counts)
        os.replace(temporary, folder / "centroids.npz")

    @classmethod
    def load(cls, folder: Path) -> EmbeddingIndex:
        """Read an index that `save` wrote.

        Raises:
            FileNotFoundError: The folder holds none.
        """
        path = folder / "images.faiss"
        if not path.exists():
            raise FileNotFoundError(f"no index at {folder}: it has no images.faiss")
        inner = faiss.read_index(str(path))
        index = cls(inner.d)
        index._index = inner
        with np.load(folder / "centroids.npz") as arrays:
            index._sums, index._counts = arrays["sums"], arrays["counts"]
        return index
