"""Synthetic embeddings: what an approximate index finds depends on how they are distributed.

- ``uniform``: directions without any structure. No index has a shortcut there; no data are like it.
- ``clouds``: 1000 classes, each one cloud of 32 equal dimensions. Within a class all vectors are
  about equally far from each other, so its nearest neighbours mean little.
- ``clustered``: classes, in each of them groups, in each group a few dimensions, the first ones the
  widest, as embeddings of photographs have it. Neighbours are near, and the others are not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

DIMENSION = 768

_CLASSES = 1000
_GROUPS = 50  # of each class
_FRAMES = 64  # sets of axes; classes share theirs with every 64th other


def uniform(count: int, seed: int) -> Floats:
    """Draw directions without any structure, ``(count, 768)`` float32, unit norm."""
    rng = np.random.default_rng([2, seed])
    return _unit(rng.standard_normal((count, DIMENSION), dtype=np.float32))


def clouds(count: int, seed: int, spread: float = 0.7) -> Floats:
    """Draw vectors of 1000 classes, each in its own cloud of 32 dimensions.

    Args:
        count: N.
        seed: Seed of the vectors; classes are always the same.
        spread: Radius of a cloud, in units of the centre's distance from the origin.

    Returns:
        ``(N, 768)`` float32, unit norm.
    """
    fixed, rng = np.random.default_rng(0), np.random.default_rng([1, seed])
    centres = fixed.standard_normal((_CLASSES, DIMENSION), dtype=np.float32)
    axes = fixed.standard_normal((_FRAMES, 32, DIMENSION), dtype=np.float32) / np.float32(32**0.5)
    labels = rng.integers(_CLASSES, size=count)
    vectors = centres[labels]
    for frame in range(_FRAMES):
        rows = np.flatnonzero(labels % _FRAMES == frame)
        inner = rng.standard_normal((len(rows), 32), dtype=np.float32)
        vectors[rows] += np.float32(spread) * (inner @ axes[frame])
    return _unit(vectors)


def clustered(count: int, seed: int) -> Floats:
    """Draw vectors of 1000 classes of 50 groups each, a group in 16 dimensions of falling width.

    Args:
        count: N.
        seed: Seed of the vectors; classes and groups are always the same.

    Returns:
        ``(N, 768)`` float32, unit norm.
    """
    fixed, rng = np.random.default_rng(3), np.random.default_rng([4, seed])
    centres = fixed.standard_normal((_CLASSES, DIMENSION), dtype=np.float32)
    axes = fixed.standard_normal((_FRAMES, 32, DIMENSION), dtype=np.float32) / np.float32(32**0.5)
    groups = fixed.standard_normal((_CLASSES * _GROUPS, 32), dtype=np.float32)
    widths = np.float32(1) / np.arange(1, 17, dtype=np.float32)
    widths *= np.float32((32 / np.square(widths).sum()) ** 0.5)
    chosen = rng.integers(len(groups), size=count)
    labels = chosen // _GROUPS
    vectors = centres[labels]
    for frame in range(_FRAMES):
        rows = np.flatnonzero(labels % _FRAMES == frame)
        inner = rng.standard_normal((len(rows), 16), dtype=np.float32) * widths
        # Where the group lies in its class, and where the vector lies in its group.
        vectors[rows] += np.float32(0.6) * (groups[chosen[rows]] @ axes[frame])
        vectors[rows] += np.float32(0.3) * (inner @ axes[(frame + 1) % _FRAMES, :16])
    return _unit(vectors)


DISTRIBUTIONS: dict[str, Callable[[int, int], Floats]] = {
    "uniform": uniform,
    "clouds": clouds,
    "clustered": clustered,
}


def _unit(vectors: Floats) -> Floats:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
