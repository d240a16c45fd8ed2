"""Group accuracies under all three rules, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.training import RULES, group_scores

COUNTS = np.array([500, 101, 100, 20, 19, 5])
RIGHT = [3, 2, 1, 2, 0, 1]  # of 4, 4, 4, 2, 2, 4 test images
TESTED = [4, 4, 4, 2, 2, 4]


@pytest.fixture
def outputs() -> tuple[np.ndarray, np.ndarray]:
    """Certain predictions: the class itself `RIGHT` times, else the next one."""
    labels = np.repeat(np.arange(6), TESTED)
    within = np.concatenate([np.arange(n) for n in TESTED])
    predicted = np.where(within < np.array(RIGHT)[labels], labels, (labels + 1) % 6)
    return np.eye(6, dtype=np.float32)[predicted], labels


@pytest.mark.parametrize(
    ("rule", "few", "medium", "many"),
    [
        # Per class: 3/4, 1/2, 1/4, 1, 0, 1/4
        ("paper", (0 + 1 / 4) / 2, (1 / 4 + 1) / 2, (3 / 4 + 1 / 2) / 2),
        ("inclusive", (1 + 0 + 1 / 4) / 3, None, (3 / 4 + 1 / 2 + 1 / 4) / 3),
        ("pooled", 3 / 8, None, 6 / 12),  # 2 + 0 + 1 of 2 + 2 + 4 images; 3 + 2 + 1 of 12
    ],
)
def test_groups_equal_hand_computed_values(
    outputs: tuple[np.ndarray, np.ndarray], rule: str, few: float, medium: float | None, many: float
) -> None:
    scores = group_scores(*outputs, COUNTS, RULES[rule])
    assert scores["few"] == pytest.approx(few)
    assert scores["many"] == pytest.approx(many)
    if medium is None:  # 20 is Few there, and 100 is Many: nothing is left between them
        assert np.isnan(scores["medium"])
    else:
        assert scores["medium"] == pytest.approx(medium)
    overall = 9 / 20 if rule == "pooled" else (3 / 4 + 1 / 2 + 1 / 4 + 1 + 0 + 1 / 4) / 6
    assert scores["all"] == pytest.approx(overall)
    assert scores["ece"] == pytest.approx(1 - 9 / 20)  # always sure, right in 9 of 20
    assert scores["per_class"] == pytest.approx([3 / 4, 1 / 2, 1 / 4, 1, 0, 1 / 4])


def test_a_class_without_test_images_is_in_no_mean(
    outputs: tuple[np.ndarray, np.ndarray],
) -> None:
    probabilities, labels = outputs
    kept = labels != 4
    scores = group_scores(probabilities[kept], labels[kept], COUNTS, RULES["paper"])
    assert scores["few"] == pytest.approx(1 / 4)
    assert np.isnan(scores["per_class"][4])


def test_a_rule_says_where_its_groups_end() -> None:
    assert str(RULES["paper"]) == "Few < 20, Many > 100, mean of classes"
    assert str(RULES["pooled"]) == "Few < 21, Many > 99, over images"
