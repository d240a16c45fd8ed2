"""Accuracy by groups of classes, after their number of training images.

Repositories differ in where the groups end and in whether a group's accuracy is the mean of its
classes or of its images, so the rule is an argument, and is printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
)

GROUPS = ("few", "medium", "many")


@dataclass(frozen=True)
class GroupRule:
    """Where Few ends and Many begins.

    Attributes:
        name: What it is called.
        few: A Few class has at most this many training images.
        many: A Many class has at least this many.
        pooled: A group's accuracy is that of all its test images, not the mean of its classes.
    """

    name: str
    few: int
    many: int
    pooled: bool = False

    def __str__(self) -> str:
        how = "over images" if self.pooled else "mean of classes"
        return f"Few < {self.few + 1}, Many > {self.many - 1}, {how}"

    def groups(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the group of each class, a position in `GROUPS`, ``(C,)`` int64."""
        found: npt.NDArray[np.int64] = np.where(
            counts <= self.few, 0, np.where(counts >= self.many, 2, 1)
        )
        return found


RULES = {
    rule.name: rule
    for rule in (
        GroupRule("paper", few=19, many=101),
        GroupRule("inclusive", few=20, many=100),
        GroupRule("pooled", few=19, many=100, pooled=True),
    )
}
"""`paper`: Few < 20, Medium 20 … 100, Many > 100. `inclusive`: Few <= 20, Many >= 100. `pooled`:
Few < 20, Many > 99, over images."""


def group_scores(
    probabilities: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    rule: GroupRule,
) -> dict[str, Any]:
    """Return accuracies in [0, 1] and the calibration error.

    Args:
        probabilities: Of the test images, ``(N, C)`` float32.
        labels: Their classes, ``(N,)`` int64.
        counts: Training images of each class, ``(C,)`` int64.
        rule: How classes are grouped.

    Returns:
        `few`, `medium`, `many`, NaN without such classes; `all`; `per_class`, a list, NaN for a
        class without test images; and `ece`, the expected calibration error in 15 bins.
    """
    scores, truth = torch.from_numpy(probabilities), torch.from_numpy(labels)
    num_classes = scores.shape[1]
    tested = np.bincount(labels, minlength=num_classes)
    per_class = multiclass_accuracy(scores, truth, num_classes, average="none").numpy()
    per_class = np.where(tested > 0, per_class, np.nan)
    weights = tested if rule.pooled else (tested > 0).astype(np.int64)

    def mean(classes: npt.NDArray[np.bool_]) -> float:
        chosen = weights * classes
        return (
            float((np.nan_to_num(per_class) * chosen).sum() / chosen.sum())
            if (chosen.any())
            else float("nan")
        )

    groups = rule.groups(counts)
    ece = multiclass_calibration_error(scores, truth, num_classes, n_bins=15, norm="l1")
    return {
        **{name: mean(groups == k) for k, name in enumerate(GROUPS)},
        "all": mean(np.ones(num_classes, dtype=bool)),
        "ece": float(ece),
        "per_class": per_class.tolist(),
    }
