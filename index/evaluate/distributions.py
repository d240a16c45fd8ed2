"""How far is the distribution of generated images from that of real ones: Fréchet and kernel."""

from __future__ import annotations

import numpy as np

from index.embed import Doubles, Embeddings

SUBSETS = 100
"""Subsets whose kernel distances are averaged, as in KID's definition."""

MOST_OF_SUBSET = 1000
"""Images of a subset; fewer where there are fewer than twice as many."""


def frechet_distance(first: Embeddings, second: Embeddings) -> float:
    """Return the Fréchet distance of two Gaussians that are fitted to two sets of embeddings.

    ``|m1 - m2|² + tr(S1 + S2 - 2 (S1 S2)^½)``, as in FID (Heusel et al., 2017), but of any
    embeddings. It is biased upwards, the more the fewer images there are.

    Args:
        first: ``(N, D)``, at least two.
        second: ``(M, D)``, at least two.

    Raises:
        ValueError: A set has fewer than two.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"a covariance needs two images, got {len(first)} and {len(second)}")
    (mean, root), (other_mean, other_root) = _gaussian(first), _gaussian(second)
    # With S = RᵀR, the trace of (S1 S2)^½ is the sum of the singular values of R1 R2ᵀ: no matrix
    # has to be inverted or to have full rank, and nothing becomes complex by rounding.
    shared = np.linalg.svd(root @ other_root.T, compute_uv=False).sum()
    spread = np.square(root).sum() + np.square(other_root).sum()
    return float(max(0.0, np.square(mean - other_mean).sum() + spread - 2 * shared))


def _gaussian(embeddings: Embeddings) -> tuple[Doubles, Doubles]:
    """Return the mean ``(D,)`` and R ``(min(N, D), D)``, where RᵀR is the covariance."""
    doubles = embeddings.astype(np.float64)
    mean = doubles.mean(0)
    root = np.linalg.qr((doubles - mean) / np.sqrt(len(doubles) - 1), mode="r")
    return mean, np.asarray(root)


def kernel_distances(
    first: Embeddings, second: Embeddings, rng: np.random.Generator, subsets: int = SUBSETS
) -> Doubles:
    """Return unbiased squared kernel distances (MMD²) of subsets of two sets, ``(subsets,)``.

    Their mean is the KID of Bińkowski et al. (2018), whose kernel ``(1 + x·y / D)³`` takes
    features of a norm near the root of D. Embeddings have norm 1, so it is ``(1 + x·y)³`` here.

    Args:
        first: ``(N, D)``, unit norm, at least four.
        second: ``(M, D)``, unit norm, at least four.
        rng: Draws the subsets, without replacement.
        subsets: How many.

    Raises:
        ValueError: A set has fewer than four.
    """
    size = subset_size(len(first), len(second))
    if size < 2:
        raise ValueError(f"subsets need four images, got {len(first)} and {len(second)}")
    found = np.empty(subsets)
    for number in range(subsets):
        chosen = rng.choice(len(first), size, replace=False)
        others = rng.choice(len(second), size, replace=False)
        found[number] = squared_mmd(first[chosen], second[others])
    return found


def subset_size(num_first: int, num_second: int) -> int:
    """Return how many images a subset has: half of the smaller set, so that subsets differ."""
    return min(MOST_OF_SUBSET, num_first // 2, num_second // 2)


def squared_mmd(first: Embeddings, second: Embeddings) -> float:
    """Return the unbiased estimate of MMD² under the kernel ``(1 + x·y)³``; may be negative."""
    x, y = first.astype(np.float64), second.astype(np.float64)
    within = sum(_mean_of_different(_kernel(one, one)) for one in (x, y))
    return float(within - 2 * _kernel(x, y).mean())


def _kernel(x: Doubles, y: Doubles) -> Doubles:
    return np.asarray((1 + x @ y.T) ** 3)


def _mean_of_different(kernel: Doubles) -> float:
    """Average a symmetric kernel matrix without its diagonal: no image is beside itself."""
    n = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))
