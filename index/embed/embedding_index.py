"""Where the classes lie: an index of the embeddings of source images, and class centroids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import faiss
import numpy as np

from genie_transforms import MissingFileError, StorageError, UserError
from genie_transforms.format import atomic_path, write_json

from .centroids import Centroids
from .exact_index import ExactIndex
from .exact_vectors import ExactVectors, held_vectors, is_compressed
from .search import Doubles, Embeddings, Integers
from .vectors import FLAT

_EXACT = "embeddings.npy"


class EmbeddingIndex(ExactIndex):
    """Embeddings of images with ids, labels and content keys.

    Args:
        dimension: D of the embeddings.
        factory: How FAISS stores them; "Flat" is exact (see `VectorIndex`).
        num_classes: Classes, if some may have no image; more are found among the labels.

    Attributes:
        classes: Centroids of the classes; adding images moves them exactly.

    Example:
        >>> index = EmbeddingIndex(2)
        >>> index.add(np.float32([[1, 0], [0, 1]]), ids=np.array([7, 8]), labels=np.array([0, 1]))
        >>> index.nearest_images(np.float32([[0.6, 0.8]]), k=2)[0]
        array([[8, 7]])
        >>> index.nearest_classes(np.float32([[0.6, 0.8]]), k=1)[0]
        array([[1]])
    """

    def __init__(self, dimension: int, factory: str = FLAT, *, num_classes: int = 0) -> None:
        super().__init__(dimension, factory)
        self.classes = Centroids(dimension, num_classes)
        self._labels: list[Integers] = []
        self._digests: list[str] = []
        self._row_of_digest: dict[str, int] = {}

    def add(
        self,
        embeddings: Embeddings,
        ids: Integers,
        labels: Integers,
        digests: Sequence[str] | None = None,
    ) -> None:
        """Add images. An approximate index learns its codes from the first call.

        Args:
            embeddings: ``(N, D)`` float32, unit norm.
            ids: Stable numbers of the images, ``(N,)`` int64, none of them in the index yet.
            labels: Their classes, ``(N,)`` int64, from 0.
            digests: Their content keys; "" where none is known.

        Raises:
            UserError: There are too few images to learn from, or the embeddings of earlier ones
                are only kept compressed.
            ValueError: Shapes disagree, an embedding is not finite, an id is taken, or a label is
                negative.
        """
        embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
        ids, labels = np.asarray(ids, dtype=np.int64), np.asarray(labels, dtype=np.int64)
        names = list(digests) if digests is not None else [""] * len(ids)
        if not len(ids) == len(labels) == len(names):
            raise ValueError(f"{len(ids)} ids, {len(labels)} labels, {len(names)} digests")
        if (labels < 0).any():
            raise ValueError(f"labels count from 0, got {labels.min()}")
        start = len(self)
        self.add_vectors(embeddings, ids)
        self.classes.add(embeddings, labels)
        self._name(labels, names, start)

    def _name(self, labels: Integers, digests: list[str], start: int) -> None:
        self._labels.append(labels.copy())
        self._digests += digests
        for row, digest in enumerate(digests, start):
            if digest:
                self._row_of_digest.setdefault(digest, row)

    def row_of_digest(self, digest: str) -> int | None:
        """Return the row of the image with a content key; None if there is none."""
        return self._row_of_digest.get(digest)

    @property
    def labels(self) -> Integers:
        """Classes of all images, in the order in which they were added, ``(N,)`` int64."""
        if len(self._labels) != 1:
            self._labels = [np.concatenate([np.zeros(0, dtype=np.int64), *self._labels])]
        return self._labels[0]

    @property
    def digests(self) -> Sequence[str]:
        """Content keys of all images, in the order in which they were added."""
        return self._digests

    def centroids(self) -> Doubles:
        """Return the centroids of all classes, ``(C, D)`` float64 (see `Centroids.means`)."""
        return self.classes.means()

    def centroid(self, label: int) -> Doubles:
        """Return the centroid of a class, ``(D,)`` float64 (see `Centroids.mean`)."""
        return self.classes.mean(label)

    def class_similarities(self, embeddings: Embeddings) -> Doubles:
        """Return the cosine of each embedding ``(N, D)`` to each centroid, ``(N, C)`` float64."""
        return self.classes.similarities(embeddings)

    def class_ranking(self, k: int | None = None) -> Integers:
        """Return for each class the others, nearest centroid first (see `Centroids.ranking`)."""
        return self.classes.ranking(k)

    def nearest_classes(self, embeddings: Embeddings, k: int) -> tuple[Integers, Doubles]:
        """Return the classes nearest to each embedding (see `Centroids.nearest`)."""
        return self.classes.nearest(embeddings, k)

    def stored_as(self, factory: str, sample: int = 1000) -> EmbeddingIndex:
        """Return an index of the same images stored in another way, with its recall measured.

        Args:
            factory: See `VectorIndex`.
            sample: At most this many of the images search for their 10 nearest, for the recall.

        Raises:
            UserError: FAISS does not know the factory, or there are too few images to learn it
                from, or their embeddings are only kept compressed.
        """
        other = EmbeddingIndex(self.dimension, factory, num_classes=len(self.classes))
        vectors = self.embeddings()
        other.add(vectors, self.ids, self.labels, self._digests)
        other.measure_recall(vectors, vectors[:: -(-len(self) // sample)], min(10, len(self)))
        return other

    def save(self, folder: Path) -> None:
        """Write the index into a folder, each file atomically.

        `index.json` goes last; it holds the number of images, by which `load` sees that the
        files belong together.
        """
        about = {
            "images": len(self),
            "classes": len(self.classes),
            "dimension": self.dimension,
            "factory": self.factory,
            "recall": self.recall,
        }
        if self._exact is not None:
            self._exact.save(folder / _EXACT)
            about["embeddings"] = _EXACT
        with atomic_path(folder / "images.faiss") as path:
            try:
                faiss.write_index(self._index, str(path))
            except RuntimeError as error:  # FAISS does not say what the disk said
                raise StorageError(f"cannot write {folder / 'images.faiss'}: {error}") from error
        with atomic_path(folder / "centroids.npz") as path, path.open("wb") as file:
            self._write_arrays(file)
        write_json(folder / "index.json", about)
        if self._exact is None:  # of another factory, before
            (folder / _EXACT).unlink(missing_ok=True)

    def _write_arrays(self, file: IO[bytes]) -> None:
        np.savez(
            file,
            sums=self.classes.sums,
            counts=self.classes.counts,
            ids=self.ids,
            labels=self.labels,
            digests=np.array(self._digests, dtype=np.str_),
        )

    @classmethod
    def load(cls, folder: Path) -> EmbeddingIndex:
        """Read an index that `save` wrote.

        Raises:
            MissingFileError: The folder holds none.
            UserError: Its files do not belong together.
        """
        for name in ("images.faiss", "centroids.npz", "index.json"):
            if not (folder / name).exists():
                raise MissingFileError(f"no index at {folder}: it has no {name}")
        about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        index = cls(about["dimension"], about["factory"])
        index.recall = about["recall"]
        index._index = faiss.read_index(str(folder / "images.faiss"))
        with np.load(folder / "centroids.npz", allow_pickle=False) as arrays:
            index.classes.sums, index.classes.counts = arrays["sums"], arrays["counts"]
            index._rows = {image: row for row, image in enumerate(arrays["ids"].tolist())}
            index._name(arrays["labels"], arrays["digests"].tolist(), 0)
        sizes = {about["images"], len(index), int(index._index.ntotal)}
        if len(sizes) != 1:
            raise UserError(
                f"{folder} is damaged, its files count {sorted(sizes)} images: save it again"
            )
        if index.factory != FLAT:
            index._exact = index._read_exact(folder, about.get("embeddings"))
        return index

    def _read_exact(self, folder: Path, name: str | None) -> ExactVectors | None:
        """Map the embeddings; banks of old have them only if FAISS does not compress."""
        if name is not None:
            if not (folder / name).exists():
                raise MissingFileError(f"no index at {folder}: it has no {name}")
            return ExactVectors.load(folder / name, (len(self), self.dimension))
        held = self._index.index
        return None if is_compressed(held) else ExactVectors(held_vectors(held))
