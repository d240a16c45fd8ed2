"""Heads against computations of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch import Tensor
from torch.nn import functional as F

from benchmarks.episodes.heads import HEADS, LabelledFeatures, accuracy

Floats = npt.NDArray[np.floating]
N, D = 5, 32


def _features(count: int, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Random unit features, the classes of which overlap."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % N
    centres = np.random.default_rng(0).normal(size=(N, D))
    features = centres[labels] + 2 * rng.normal(size=(count, D))
    return features / np.linalg.norm(features, axis=1, keepdims=True), labels


def _minimum(loss: Callable[[Tensor, Tensor], Tensor]) -> tuple[Floats, Floats]:
    """Minimise over weights ``(N, D)`` and biases ``(N,)`` in double precision."""
    weight = torch.zeros(N, D, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(N, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=5000, max_eval=10_000, tolerance_grad=1e-11,
        tolerance_change=1e-16, history_size=50, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        solver.zero_grad()
        value = loss(weight, bias)
        value.backward()
        return value

    solver.step(closure)
    return weight.detach().numpy(), bias.detach().numpy()


def _soft_cross_entropy(features: Floats, soft: Floats) -> Callable[[Tensor, Tensor], Tensor]:
    x, y = torch.from_numpy(features), torch.from_numpy(soft)

    def loss(weight: Tensor, bias: Tensor) -> Tensor:
        fit = F.cross_entropy(x @ weight.T + bias, y, reduction="sum")
        return fit + 0.5 * weight.square().sum()  # C = 1, biases free

    return loss


def test_logistic_regression_is_the_authors_protocol() -> None:
    features, labels = _features(25, seed=1)
    queries, _ = _features(80, seed=2)
    weight, bias = _minimum(_soft_cross_entropy(features, np.eye(N)[labels]))
    expected = torch.from_numpy(queries @ weight.T + bias).softmax(1).numpy()
    head = HEADS["logistic"]()
    head.fit(features, labels, sample_weight=np.ones(len(labels)))
    found = head.predict_proba(queries)
    assert np.abs(found - expected).max() < 1e-6


def test_soft_labels_are_the_cross_entropy_of_soft_labels() -> None:
    features, _ = _features(30, seed=3)
    soft = np.random.default_rng(4).dirichlet(np.ones(N), len(features))
    soft[:10] = np.eye(N)[np.arange(10) % N]  # some are hard
    queries, _ = _features(80, seed=5)
    weight, bias = _minimum(_soft_cross_entropy(features, soft))
    expected = torch.from_numpy(queries @ weight.T + bias).softmax(1).numpy()
    support = LabelledFeatures.from_soft(features, soft)
    assert support.weights.sum() == pytest.approx(30)
    assert len(support.labels) == 10 + 20 * N
    head = HEADS["logistic"]()
    head.fit(support.features, support.labels, sample_weight=support.weights)
    assert np.abs(head.predict_proba(queries) - expected).max() < 1e-6


def test_svm_is_the_squared_hinge_one_against_the_rest() -> None:
    features, labels = _features(25, seed=6)
    queries, _ = _features(80, seed=7)
    x, y = torch.from_numpy(features), torch.from_numpy(2 * np.eye(N)[labels] - 1)

    def loss(weight: Tensor, bias: Tensor) -> Tensor:
        hinge = (1 - y * (x @ weight.T + bias)).clamp_min(0).square().sum()
        return hinge + 0.5 * (weight.square().sum() + bias.square().sum())

    weight, bias = _minimum(loss)
    head = HEADS["svm"]()
    head.fit(features, labels, sample_weight=np.ones(len(labels)))
    found = head.decision_function(queries)
    assert np.abs(found - (queries @ weight.T + bias)).max() < 1e-5


def test_prototypes_are_weighted_means() -> None:
    features, labels = _features(25, seed=8)
    queries, truth = _features(80, seed=9)
    reference = NearestCentroid().fit(features, labels)
    support = LabelledFeatures(features, labels, np.ones(len(labels)))
    assert accuracy("prototype", support, queries, truth) == reference.score(queries, truth)

    # Class 0 at 0 with weight 3 and at 4 with weight 1: its prototype is 1, class 1's is 4.
    x, y = np.array([[0.0], [4.0], [4.0]]), np.array([0, 0, 1])
    weighted = LabelledFeatures(x, y, np.array([3.0, 1.0, 1.0]))
    # 2.4 is nearer to 1 than to 4; with equal weights, the prototype 2, 3.1 would be class 1's.
    assert accuracy("prototype", weighted, np.array([[2.4], [2.6]]), np.array([0, 1])) == 1


@pytest.mark.parametrize("head", HEADS)
def test_accuracy_is_the_share_that_is_right(head: str) -> None:
    corners = np.eye(3)
    support = LabelledFeatures(corners.repeat(2, 0), np.arange(3).repeat(2), np.ones(6))
    queries = np.array([[1, 0.1, 0], [0, 1, 0.1], [0.1, 0, 1], [1, 0, 0.1]])
    assert accuracy(head, support, queries, np.array([0, 1, 2, 2])) == 0.75


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="shares that sum to 1"):
        LabelledFeatures.from_soft(np.eye(2), np.array([[0.5, 0.6], [1, 0]]))
    support = LabelledFeatures(np.eye(2), np.arange(2), np.ones(2))
    with pytest.raises(ValueError, match="unknown head 'tree'"):
        accuracy("tree", support, np.eye(2), np.arange(2))
