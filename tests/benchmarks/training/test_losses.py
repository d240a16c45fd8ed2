"""Losses equal values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from benchmarks.training import TrainingConfig, class_counts, make_loss

COUNTS = torch.tensor([6, 3, 1])
LOGITS = torch.tensor([[1.0, 0.0, -1.0]])


def test_balanced_softmax_adds_the_logarithms_of_the_counts() -> None:
    loss = make_loss(TrainingConfig(loss="balanced-softmax"), COUNTS)
    e = math.e
    # log of: the counts times exp(logits), over their sum
    assert loss(LOGITS, torch.tensor([2])).item() == pytest.approx(
        -math.log((1 / e) / (6 * e + 3 + 1 / e)), rel=1e-5
    )


def test_logit_adjustment_is_balanced_softmax_at_one_and_cross_entropy_near_zero() -> None:
    labels = torch.tensor([1])
    balanced = make_loss(TrainingConfig(loss="balanced-softmax"), COUNTS)(LOGITS, labels)
    one = make_loss(TrainingConfig(loss="logit-adjustment"), COUNTS)(LOGITS, labels)
    weak = make_loss(TrainingConfig(loss="logit-adjustment", tau=1e-6), COUNTS)(LOGITS, labels)
    plain = make_loss(TrainingConfig(), COUNTS)(LOGITS, labels)
    torch.testing.assert_close(one, balanced)
    torch.testing.assert_close(weak, plain, atol=1e-4, rtol=0)


def test_balanced_bce_shifts_each_logit_by_the_odds_of_its_class() -> None:
    loss = make_loss(TrainingConfig(loss="balanced-bce"), COUNTS)
    odds = [6 / 4, 3 / 7, 1 / 9]
    # sigmoid(z + log(odds)) = odds e^z / (1 + odds e^z)
    shown = [o * math.exp(z) / (1 + o * math.exp(z)) for o, z in zip(odds, (1, 0, -1), strict=True)]
    expected = -math.log(shown[0]) - math.log(1 - shown[1]) - math.log(1 - shown[2])
    assert loss(LOGITS, torch.tensor([0])).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "name", ["cross-entropy", "balanced-softmax", "logit-adjustment", "balanced-bce"]
)
def test_soft_labels_of_one_class_equal_its_number(name: str) -> None:
    loss = make_loss(TrainingConfig(loss=name), COUNTS)  # type: ignore[arg-type]
    soft = torch.tensor([[0.0, 1.0, 0.0]])
    torch.testing.assert_close(loss(LOGITS, soft), loss(LOGITS, torch.tensor([1])))


def test_a_balanced_sampler_leaves_no_prior() -> None:
    labels = torch.tensor([0, 0, 0, 1]).numpy()
    assert class_counts(labels, 3, "shuffled").tolist() == [3, 1, 0]
    assert class_counts(labels, 3, "class-balanced").tolist() == [1, 1, 0]


def test_smoothing_spreads_a_share_over_all_classes_before_any_loss() -> None:
    for name in ("cross-entropy", "balanced-bce"):
        loss = make_loss(TrainingConfig(loss=name), COUNTS)  # type: ignore[arg-type]
        smooth = make_loss(TrainingConfig(loss=name, label_smoothing=0.3), COUNTS)  # type: ignore[arg-type]
        by_hand = loss(LOGITS, torch.tensor([[0.1, 0.8, 0.1]]))
        torch.testing.assert_close(smooth(LOGITS, torch.tensor([1])), by_hand)
