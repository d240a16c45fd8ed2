"""Can a linear classifier of embeddings tell real images from generated ones?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from index.embed import Doubles, Embeddings

FOLDS = 5

_LEAST_GROUPS = 2 * FOLDS
"""Source images of a set, or folds would be without one of the two."""


def real_or_generated(
    real: Embeddings, generated: Embeddings, groups: Sequence[str], seed: int = 0
) -> Doubles | None:
    """Return the areas under the ROC curve of logistic regressions, cross-validated.

    0.5 is chance; at 1, every generated image can be told from every real one.

    Args:
        real: ``(N, D)``.
        generated: ``(M, D)``.
        groups: Which images belong together, first of the real ones, then of the generated: those
            of one group are never on both sides of a fold. A source and what was made from it are
            alike, and one would tell of the other.
        seed: Seed of the folds.

    Returns:
        One of each of five folds, in [0, 1]; None if a set has fewer than ten groups, or a fold
            would be without one of the two.
    """
    few = min(len(set(groups[: len(real)])), len(set(groups[len(real) :])))
    if few < _LEAST_GROUPS:
        return None
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    features = np.concatenate([real, generated]).astype(np.float64)
    truth = np.arange(len(features)) >= len(real)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    if any(len(set(truth[test])) < 2 for _, test in folds.split(features, truth, numbers)):
        return None
    areas = cross_val_score(
        probe, features, truth, groups=numbers, cv=folds, scoring="roc_auc", error_score="raise"
    )
    return np.asarray(areas, dtype=np.float64)
