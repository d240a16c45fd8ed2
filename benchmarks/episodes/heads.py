"""Classifier heads on frozen features, as few-shot evaluation uses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from .episodes import Integers

Floats = npt.NDArray[np.floating]


class Classifier(Protocol):
    """What a head is: an estimator of scikit-learn that takes weights."""

    def fit(self, X: Floats, y: Integers, sample_weight: Floats) -> Any:  # noqa: N803
        """Learn from features ``(M, D)``, labels ``(M,)`` and weights ``(M,)``."""

    def predict(self, X: Floats) -> Integers:  # noqa: N803
        """Predict the class of each feature, ``(Q,)`` int64."""


class NearestPrototype:
    """Assign to the class whose mean feature is nearest (Snell et al., 2017)."""

    def fit(self, X: Floats, y: Integers, sample_weight: Floats) -> NearestPrototype:  # noqa: N803
        """Average the features of each class, ``(M, D)``, with weights ``(M,)``."""
        self.classes_ = np.unique(y)
        self.prototypes_ = np.stack(
            [np.average(X[y == c], axis=0, weights=sample_weight[y == c]) for c in self.classes_]
        )
        return self

    def predict(self, X: Floats) -> Integers:  # noqa: N803
        """Predict the class of each feature, ``(Q,)`` int64."""
        distances = np.linalg.norm(X[:, None] - self.prototypes_, axis=2)
        nearest: Integers = self.classes_[distances.argmin(1)]
        return nearest


# The authors' regression: C = 1, lbfgs, at most 1000 iterations. Its tolerance is tightened from
# 1e-4, where the last digits depend on where the solver stopped, until they do not.
HEADS: dict[str, Callable[[], Classifier]] = {
    "logistic": lambda: LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000, tol=1e-9),
    "svm": lambda: LinearSVC(C=1.0, dual=False, max_iter=10_000, tol=1e-8),
    "prototype": NearestPrototype,
}


@dataclass(frozen=True)
class LabelledFeatures:
    """What a head learns from.

    Attributes:
        features: ``(M, D)``, unit norm.
        labels: ``(M,)`` int64.
        weights: ``(M,)`` float64; they sum to the number of images.
    """

    features: Floats
    labels: Integers
    weights: npt.NDArray[np.float64]

    @classmethod
    def from_soft(cls, features: Floats, soft: Floats) -> LabelledFeatures:
        """Turn soft labels into weights.

        The cross-entropy is linear in the label, so one image with the label (0.7, 0.3) is the
        same as two with hard labels and the weights 0.7 and 0.3.

        Args:
            features: ``(M, D)``.
            soft: Share of each class, ``(M, N)``; rows sum to 1.

        Raises:
            ValueError: They do not, or a share is negative.
        """
        shares = np.asarray(soft, dtype=np.float64)
        if (shares < 0).any() or not np.allclose(shares.sum(1), 1, atol=1e-5):
            raise ValueError("soft labels must be shares that sum to 1")
        rows, labels = shares.nonzero()
        return cls(features[rows], labels.astype(np.int64), shares[rows, labels])


def accuracy(head: str, support: LabelledFeatures, queries: Floats, truth: Integers) -> float:
    """Return the share of queries that a head labels correctly.

    Args:
        head: One of `HEADS`.
        support: What it learns from.
        queries: ``(Q, D)``, unit norm.
        truth: Their labels, ``(Q,)`` int64.

    Returns:
        Accuracy in [0, 1].

    Raises:
        ValueError: There is no such head.
    """
    if head not in HEADS:
        raise ValueError(f"unknown head {head!r}; choose among {', '.join(HEADS)}")
    classifier = HEADS[head]()
    features = np.asarray(support.features, dtype=np.float64)
    classifier.fit(features, support.labels, sample_weight=support.weights)
    right = classifier.predict(np.asarray(queries, dtype=np.float64)) == truth
    return float(right.mean())
