"""How alike images are: distances between two sets of embeddings, and when two are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .search import Embeddings  # beside FAISS, which --help does not need

DUPLICATE_SIMILARITY = 0.99
"""A negative at least this similar to its source is marked as a duplicate."""

_BIN = 1e-3
_BLOCK = 1024
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Distances:
    """Cosine distances, in [0, 2], of all pairs of two sets.

    Attributes:
        mean: Of all pairs.
        std: Of all pairs.
        quantiles: Distances that 5, 25, 50, 75 and 95 % of the pairs do not exceed, to 0.001.
        nearest_mean: Mean, over the images of the second set, of the distance to the nearest of
            the first.
    """

    mean: float
    std: float
    quantiles: list[float]
    nearest_mean: float


def distances(first: Embeddings, second: Embeddings) -> Distances:
    """Return the cosine distances of all pairs of two sets, in blocks, by their statistics.

    Args:
        first: ``(N, D)`` float32, unit norm.
        second: ``(M, D)`` float32, unit norm.
    """
    counts = np.zeros(round(2 / _BIN) + 1, dtype=np.int64)
    total = squares = 0.0
    nearest: npt.NDArray[np.float64] = np.full(len(second), np.inf)
    for start in range(0, len(first), _BLOCK):
        block = first[start : start + _BLOCK].astype(np.float64)
        apart = (1 - block @ second.T.astype(np.float64)).clip(0, 2)
        counts += np.bincount(np.ceil(apart.ravel() / _BIN).astype(np.int64), minlength=len(counts))
        total, squares = total + apart.sum(), squares + np.square(apart).sum()
        nearest = np.minimum(nearest, apart.min(0))
    pairs = len(first) * len(second)
    mean = total / pairs
    below = counts.cumsum() / pairs
    quantiles = [_BIN * float(np.searchsorted(below, q)) for q in _QUANTILES]
    std = float(np.sqrt(max(squares / pairs - mean**2, 0.0)))
    return Distances(float(mean), std, quantiles, float(nearest.mean()))
