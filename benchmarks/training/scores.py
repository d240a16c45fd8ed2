"""Accuracy by groups of classes, and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
)

from .groups import GROUPS, GroupRule


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
