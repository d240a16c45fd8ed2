"""Do generated images lie where real ones do, and everywhere there: by k nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.embed import Doubles, Embeddings

NEIGHBOURS = 5
"""k: an image's neighbourhood reaches to its k-th nearest of the same set."""

_BLOCK = 1024


@dataclass(frozen=True)
class ManifoldScores:
    """What k nearest neighbours say of two sets.

    Attributes:
        precision: Share of generated images within the neighbourhood of a real one, in [0, 1]
            (Kynkäänniemi et al., 2019).
        recall: Share of real images within the neighbourhood of a generated one, in [0, 1].
        density: Real neighbourhoods around a generated image, divided by k; about 1 where the two
            sets are alike, and not bounded by it (Naeem et al., 2020).
        coverage: Share of real images with a generated one in their neighbourhood, in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real: Embeddings, generated: Embeddings, k: int = NEIGHBOURS) -> ManifoldScores:
    """Return precision and recall, density and coverage.

    A neighbourhood is a closed ball: what is exactly as far away as the k-th neighbour is in it.

    Args:
        real: ``(N, D)``, unit norm, more than k.
        generated: ``(M, D)``, unit norm, more than k.
        k: Which neighbour a neighbourhood reaches to; an image is not its own.

    Raises:
        ValueError: A set has no more than k, or k is below 1.
    """
    if not 1 <= k < min(len(real), len(generated)):
        raise ValueError(f"k must be 1 to {min(len(real), len(generated)) - 1}, got {k}")
    x, y = real.astype(np.float64), generated.astype(np.float64)
    around_real, around_generated = _least_cosines(x, k), _least_cosines(y, k)
    in_real = np.zeros(len(y), dtype=np.int64)  # real neighbourhoods that each generated one is in
    covered = np.zeros(len(x), dtype=bool)
    recalled = np.zeros(len(x), dtype=bool)
    for start in range(0, len(x), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = x[block] @ y.T
        inside = cosines >= around_real[block, None]
        in_real += inside.sum(0)
        covered[block] = inside.any(1)
        recalled[block] = (cosines >= around_generated).any(1)
    return ManifoldScores(
        precision=float((in_real > 0).mean()),
        recall=float(recalled.mean()),
        density=float(in_real.mean() / k),
        coverage=float(covered.mean()),
    )


def _least_cosines(embeddings: Doubles, k: int) -> Doubles:
    """Return the cosine of each to its k-th nearest of the others, ``(N,)``."""
    # Of unit vectors, the nearest have the largest cosines; balls are compared by these.
    found = np.empty(len(embeddings))
    for start in range(0, len(embeddings), _BLOCK):
        cosines = embeddings[start : start + _BLOCK] @ embeddings.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + start] = -np.inf
        found[start : start + _BLOCK] = np.partition(cosines, -k, axis=1)[:, -k]
    return found
