"""Who votes on r*: for each target the images whose r* is known, as rows of an index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from index.embed import Doubles, EmbeddingIndex, Embeddings, Integers

from .r_star import RStarCache


class Voters:
    """Images with known r*, looked up once a target and then kept as arrays.

    What is known may be a million pairs: a vote costs a search among the images of one target.

    Args:
        index: Holds the embeddings of the images.
        known: Their r*; not to be changed while it is used here.
    """

    def __init__(self, index: EmbeddingIndex, known: RStarCache) -> None:
        self._index = index
        self._known = known
        self._of_target: dict[str, tuple[Integers, Doubles]] = {}

    def predict(
        self,
        embeddings: Embeddings,
        target: str | int,
        k: int,
        also: Mapping[str, float] | None = None,
    ) -> list[tuple[float, float] | None]:
        """Predict r* of images from the nearest images that were moved to the same target.

        Args:
            embeddings: Of the images, ``(N, D)`` float32, unit norm.
            target: The target class, as it was recorded.
            k: Neighbours that vote.
            also: r* of further images, by digest, instead of what is known of them.

        Returns:
            For each image the r* that most of the k have (the smaller one if two have as many
            votes) and their share of the votes, in (0, 1]; None if no image of the index is known
            to have been moved to the target.

        Raises:
            ValueError: k is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        rows, ratios = self._voting(str(target), also or {})
        if not len(rows):
            return [None] * len(embeddings)
        found, _ = self._index.nearest_rows(embeddings, min(k, len(rows)), rows)
        return [vote(line) for line in ratios[np.searchsorted(rows, found)].tolist()]

    def count(self, target: str | int) -> int:
        """Return how many r* of a target are known, whether or not the index has the images."""
        return len(self._known.of_target(target))

    def _voting(self, target: str, also: Mapping[str, float]) -> tuple[Integers, Doubles]:
        """Return rows, ascending, and r* of the images that were moved to a target."""
        if target not in self._of_target:
            self._of_target[target] = self._rows_of(self._known.of_target(target))
        rows, ratios = self._of_target[target]
        if not also:
            return rows, ratios
        new_rows, new_ratios = self._rows_of(also)
        other = ~np.isin(rows, new_rows)
        rows = np.concatenate([rows[other], new_rows])
        order = rows.argsort()
        return rows[order], np.concatenate([ratios[other], new_ratios])[order]

    def _rows_of(self, found: Mapping[str, float]) -> tuple[Integers, Doubles]:
        # What is known may be of images that are no longer among the sources: they have no row.
        places = [(self._index.row_of_digest(digest), ratio) for digest, ratio in found.items()]
        # By row, whatever the order of recording: it decides between equally near images.
        known = sorted((row, ratio) for row, ratio in places if row is not None)
        rows, ratios = [row for row, _ in known], [ratio for _, ratio in known]
        return np.array(rows, dtype=np.int64), np.array(ratios, dtype=np.float64)


def vote(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the most frequent noise ratio, the smaller one of two, and its share in (0, 1]."""
    votes = Counter(ratios)
    chosen = min(votes, key=lambda ratio: (-votes[ratio], ratio))
    return chosen, votes[chosen] / len(ratios)
