"""Centroids of the classes, kept so that they can be extended exactly."""

from __future__ import annotations

import numpy as np

from .search import Doubles, Embeddings, Integers, nearest


class Centroids:
    """Plain means of unit-norm embeddings, kept as sum and count.

    They are not normalised again, as in the authors' code: Z_T of Algorithm 1.

    A class without images has no centroid, and is no class's neighbour.

    Args:
        dimension: D of the embeddings.
        num_classes: Classes C; more are found among the labels.

    Attributes:
        sums: ``(C, D)`` float64.
        counts: ``(C,)`` int64.
    """

    def __init__(self, dimension: int, num_classes: int = 0) -> None:
        self.sums: Doubles = np.zeros((num_classes, dimension))
        self.counts: Integers = np.zeros(num_classes, dtype=np.int64)
        self._units: Doubles | None = None

    def __len__(self) -> int:
        return len(self.counts)

    def add(self, embeddings: Embeddings, labels: Integers) -> None:
        """Add images: ``(N, D)`` float32 and their classes ``(N,)`` int64, from 0."""
        missing = int(labels.max(initial=-1)) + 1 - len(self)
        if missing > 0:
            self.sums = np.concatenate([self.sums, np.zeros((missing, self.sums.shape[1]))])
            self.counts = np.concatenate([self.counts, np.zeros(missing, dtype=np.int64)])
        np.add.at(self.sums, labels, embeddings.astype(np.float64))
        np.add.at(self.counts, labels, 1)
        self._units = None

    def means(self) -> Doubles:
        """Return the centroids of all classes, ``(C, D)`` float64.

        Raises:
            ValueError: A class has no image.
        """
        empty = np.flatnonzero(self.counts == 0)
        if len(empty):
            raise ValueError(f"classes {empty[:5].tolist()} have no image, so no centroid")
        means: Doubles = self.sums / self.counts[:, None]
        return means

    def mean(self, label: int) -> Doubles:
        """Return the centroid of a class, ``(D,)`` float64.

        Raises:
            ValueError: The class has no image.
        """
        if not 0 <= label < len(self) or not self.counts[label]:
            raise ValueError(f"class {label} has no image, so no centroid")
        mean: Doubles = self.sums[label] / self.counts[label]
        return mean

    def similarities(self, embeddings: Embeddings | Doubles) -> Doubles:
        """Return the cosine of each embedding ``(N, D)`` to each centroid, ``(N, C)`` float64.

        It is ``-inf`` for classes without images.
        """
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        present, units = self._present()
        cosines: Doubles = np.full((len(embeddings), len(self)), -np.inf)
        cosines[:, present] = embeddings.astype(np.float64) @ units.T / norms
        return cosines

    def _present(self) -> tuple[Integers, Doubles]:
        """Return the classes that have images, and their centroids at length 1, for cosines."""
        present = np.flatnonzero(self.counts)
        if self._units is None:
            means = self.sums[present] / self.counts[present, None]
            self._units = means / np.linalg.norm(means, axis=1, keepdims=True)
        return present, self._units

    def nearest(self, embeddings: Embeddings | Doubles, k: int) -> tuple[Integers, Doubles]:
        """Return the classes nearest to each embedding; ties go to the smaller number.

        Args:
            embeddings: ``(N, D)``.
            k: Classes of each, at most those that have images.

        Returns:
            Classes ``(N, k)`` int64, nearest first, and their cosines ``(N, k)`` float64.

        Raises:
            ValueError: k is out of its range.
        """
        present, units = self._present()
        if not 1 <= k <= len(present):
            raise ValueError(f"k must lie in [1, {len(present)}], the number of classes, got {k}")
        doubles = embeddings.astype(np.float64)
        directions = doubles / np.linalg.norm(doubles, axis=1, keepdims=True)
        places, cosines = nearest(units, directions, k)
        return present[places], cosines

    def ranking(self, k: int | None = None) -> Integers:
        """Return for each class the others, nearest centroid first; ties go to the smaller number.

        Classes without images are nobody's nearest: they come last, by number, and theirs are the
        others by number.

        Args:
            k: How many others, at most C - 1; all if not given.

        Returns:
            ``(C, k)`` int64.

        Raises:
            ValueError: k is out of its range.
        """
        count = len(self) - 1 if k is None else k
        if not 0 <= count < len(self):
            raise ValueError(f"a class has {len(self) - 1} others, not {k}")
        present, units = self._present()
        empty = np.flatnonzero(self.counts == 0)
        near, _ = nearest(units, units, min(count + 1, len(present)))
        found = np.tile(np.concatenate([present, empty])[: count + 1], (len(self), 1))
        found[present, : near.shape[1]] = present[near]
        # By number and not by place: two classes may have one centroid.
        others = found != np.arange(len(self))[:, None]
        others &= others.cumsum(1) <= count
        ranking: Integers = found[others].reshape(len(self), count)
        return ranking
