"""How different from each other are the images of one class?"""

from __future__ import annotations

import numpy as np

from index.embed import Embeddings, Integers


def mean_distance(embeddings: Embeddings) -> float:
    """Return the mean cosine distance of all pairs of different images, in [0, 2].

    Args:
        embeddings: ``(N, D)``, unit norm, at least two.

    Raises:
        ValueError: There are fewer.
    """
    n = len(embeddings)
    if n < 2:
        raise ValueError(f"a distance needs two images, got {n}")
    doubles = embeddings.astype(np.float64)
    # The cosines of all pairs, each with itself included, add up to the square of the sum.
    cosines = np.square(doubles.sum(0)).sum() - np.square(doubles).sum()
    return float(1 - cosines / (n * (n - 1)))


def vendi_score(embeddings: Embeddings) -> float:
    """Return the effective number of different images, in [1, N] (Friedman and Dieng, 2023).

    The exponential of the entropy of the eigenvalues of the matrix of cosines, divided by N. It
    grows with N: compare sets of one size.

    Args:
        embeddings: ``(N, D)``, unit norm, at least one.
    """
    singular = np.linalg.svd(embeddings.astype(np.float64), compute_uv=False)
    shares = np.square(singular) / np.square(singular).sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def within_classes(embeddings: Embeddings, labels: Integers) -> dict[str, float | None]:
    """Return the means over classes of `mean_distance` and `vendi_score`.

    Args:
        embeddings: ``(N, D)``, unit norm.
        labels: Of each, ``(N,)`` int64; classes of one image say nothing and are left out.

    Returns:
        `mean_distance` and `vendi_score`; None if no class has two images.
    """
    sets = [embeddings[labels == label] for label in np.unique(labels)]
    sets = [one for one in sets if len(one) > 1]
    if not sets:
        return {"mean_distance": None, "vendi_score": None}
    return {
        "mean_distance": float(np.mean([mean_distance(one) for one in sets])),
        "vendi_score": float(np.mean([vendi_score(one) for one in sets])),
    }
