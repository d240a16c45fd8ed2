"""From a class or a source image to the rows of a bank, in a few flat arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genie_transforms.format import AMBIGUOUS, KnownSources

RowNumbers = npt.NDArray[np.int64]


class ClassIndex:
    """Rows of each class, as two arrays.

    Args:
        labels: ``(N,)`` class of each row.
        num_classes: Number of classes.
    """

    # Dictionaries of lists would be read faster, but Python writes a reference count into each
    # object that it touches: memory that forked workers share would be copied into each of them.

    def __init__(self, labels: RowNumbers, num_classes: int) -> None:
        # Rows in the order of their classes; stable, so that those of one class ascend.
        self.rows: RowNumbers = np.argsort(labels, kind="stable")
        self.counts: RowNumbers = np.bincount(labels, minlength=num_classes)
        # One more than there are classes, so that every class has an end.
        self.offsets: RowNumbers = np.concatenate(([0], np.cumsum(self.counts)))

    def __getitem__(self, label: int) -> RowNumbers:
        """Return the rows of a class, ascending, without a copy."""
        return self.rows[self.offsets[label] : self.offsets[label + 1]]


class SourceIndex:
    """Rows and label of each source image.

    Args:
        digests: ``(N, 2)`` uint64 of every row on disk.
        labels: ``(N,)`` source class of every row on disk.
        positions: ``(N,)`` position in the opened bank, -1 for rows that a filter left out.
            They stay here, for the label of an image is known whatever the filter.
        known: All source images of the build, also those without a row; None for a bank that does
            not know them.
    """

    def __init__(
        self,
        digests: npt.NDArray[np.uint64],
        labels: RowNumbers,
        positions: RowNumbers,
        known: KnownSources | None = None,
    ) -> None:
        self._known = known
        order = np.lexsort((digests[:, 1], digests[:, 0]))
        self._high = digests[order, 0]
        self._low = digests[order, 1]
        self._labels = labels[order]
        self._positions = positions[order]

    def _span(self, digest: str) -> slice:
        """Find the span of an image in the sorted arrays."""
        # Two searches, for NumPy has no 128-bit integers: by the first 16 digits, then the others.
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
        """Tell whether an image is a source, with or without a row on disk."""
        span = self._span(digest)
        if span.stop > span.start:
            return True
        return self._known is not None and self._known.find(digest) is not None

    def rows(self, digest: str) -> RowNumbers:
        """Return the rows in the opened bank that were made from an image, ascending."""
        positions = self._positions[self._span(digest)]
        return np.sort(positions[positions >= 0])

    def label(self, digest: str) -> int | None:
        """Return the class of an image; None if unknown, or known under two classes."""
        labels = set(self._labels[self._span(digest)].tolist())
        known = None if self._known is None else self._known.find(digest)
        if known is not None:
            labels.add(known)
        if len(labels) != 1 or AMBIGUOUS in labels:
            return None
        return int(labels.pop())
