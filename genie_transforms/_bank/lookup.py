"""From a class or a source picture to the rows of a bank, in a few flat arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RowNumbers = npt.NDArray[np.int64]


class ClassIndex:
    """Rows of each class, as two arrays: dictionaries of lists would grow in every worker.

    Args:
        labels: ``(N,)`` class of each row.
        num_classes: Number of classes.
    """

    def __init__(self, labels: RowNumbers, num_classes: int) -> None:
        self.rows: RowNumbers = np.argsort(labels, kind="stable")
        self.counts: RowNumbers = np.bincount(labels, minlength=num_classes)
        self.offsets: RowNumbers = np.concatenate(([0], np.cumsum(self.counts)))

    def __getitem__(self, label: int) -> RowNumbers:
        """Give the rows of a class, ascending, without a copy."""
        return self.rows[self.offsets[label] : self.offsets[label + 1]]


class SourceIndex:
    """Rows and label of each source picture.

    Args:
        digests: ``(N, 2)`` uint64 of every row on disk.
        labels: ``(N,)`` source class of every row on disk.
        positions: ``(N,)`` position in the opened bank, -1 for rows that a filter left out.
            They stay here, for the label of a picture is known whatever the filter.
    """

    def __init__(
        self, digests: npt.NDArray[np.uint64], labels: RowNumbers, positions: RowNumbers
    ) -> None:
        order = np.lexsort((digests[:, 1], digests[:, 0]))
        self._high = digests[order, 0]
        self._low = digests[order, 1]
        self._labels = labels[order]
        self._positions = positions[order]

    def _span(self, digest: str) -> slice:
        """Find the span of a picture in the sorted arrays."""
        high, low = np.uint64(int(digest[:16], 16)), np.uint64(int(digest[16:], 16))
        start, stop = np.searchsorted(self._high, high), np.searchsorted(self._high, high, "right")
        if start == stop:
            return slice(0, 0)
        lows = self._low[start:stop]
        return slice(
            int(start + np.searchsorted(lows, low)),
            int(start + np.searchsorted(lows, low, "right")),
        )

    def __contains__(self, digest: str) -> bool:
        """Tell whether any row on disk was made from a picture."""
        span = self._span(digest)
        return bool(span.stop > span.start)

    def rows(self, digest: str) -> RowNumbers:
        """Give the rows in the opened bank that were made from a picture, ascending."""
        positions = self._positions[self._span(digest)]
        return np.sort(positions[positions >= 0])

    def label(self, digest: str) -> int | None:
        """Give the class of a picture; None if unknown, or known under two classes."""
        labels = self._labels[self._span(digest)]
        if not len(labels) or (labels != labels[0]).any():
            return None
        return int(labels[0])
