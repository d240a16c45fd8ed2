"""What a judge's columns say of a bank: are its labels right, and are its negatives hard?

`python -m index.judge` adds three columns for each judge: the class that it sees, -1 for none of
the bank's, and the probabilities that it gives to the target and to the source; null where it
cannot tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genie_transforms import Bank, UserError
from index.embed import Doubles, Integers

_QUANTILES = (0.05, 0.5, 0.95)

_COLUMNS = ("class", "target_probability", "source_probability")


def verdicts(bank: Bank, judge: str) -> dict[str, Doubles]:
    """Read the columns of a judge, ``(N,)`` each; NaN where it says nothing.

    Raises:
        UserError: The bank has no such judge.
    """
    try:
        columns = {name: bank.column(f"{judge}_{name}") for name in _COLUMNS}
    except UserError as error:
        raise UserError(
            f"{bank.path} has no judge {judge!r}, whose columns would be "
            f"{', '.join(f'{judge}_{name}' for name in _COLUMNS)}: run python -m index.judge first"
        ) from error
    return {name: values.astype(np.float64) for name, values in columns.items()}


def label_precision(bank: Bank, judge: str) -> dict[str, Any]:
    """Return how many of the rows that the filter kept are of their class, to a judge.

    Returns:
        `rows` that were judged and `unjudged`; `precision`, in [0, 1], with `interval`, half its
        95 % interval, over source images; `source_class`, the share in which the judge sees the
        source; and `by_class`, the precision of each class by name. None without judged rows.
    """
    seen = verdicts(bank, judge)["class"]
    known = np.isfinite(seen)
    labels, sources = bank.labels[known], bank.source_labels[known]
    right = (seen[known] == labels).astype(np.float64)
    groups = np.unique(bank.column("source_digest")[known], return_inverse=True)[1]
    return {
        "rows": int(known.sum()),
        "unjudged": int((~known).sum()),
        "precision": float(right.mean()) if len(right) else None,
        "interval": clustered_interval(right, groups) if len(right) else None,
        "source_class": float((seen[known] == sources).mean()) if len(right) else None,
        "by_class": {
            bank.class_names[label]: float(right[labels == label].mean())
            for label in np.unique(labels)
        },
    }


def hardness(bank: Bank, judge: str) -> dict[str, Any]:
    """Return how near the judge comes to the source, of rows in which it sees the target.

    An image of another class than its label is no hard example but a wrong one, so those in which
    the judge sees anything else are left out.

    Returns:
        `rows`, and of `source_probability` and of `margin`, P(target) - P(source), the mean and
        the quantiles 5, 50 and 95 %; None without such rows.
    """
    said = verdicts(bank, judge)
    target, source = said["target_probability"], said["source_probability"]
    right = (said["class"] == bank.labels) & np.isfinite(target) & np.isfinite(source)
    return {
        "rows": int(right.sum()),
        "source_probability": described(source[right]),
        "margin": described((target - source)[right]),
    }


def clustered_interval(values: Doubles, groups: Integers) -> float:
    """Return half the 95 % interval of a mean over images that come in groups.

    1.96 √(Σ_g (Σ_i∈g (v_i - mean))²) / N: what was made from one source is alike, so the sources
    are what was drawn independently.

    Args:
        values: ``(N,)``.
        groups: Number of each value's group, ``(N,)`` int64, from 0.
    """
    sums = np.bincount(groups, weights=values - values.mean())
    return float(1.96 * np.sqrt(np.square(sums).sum()) / len(values))


def described(values: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Return the `mean` of some values and their `quantiles` 5, 50 and 95 %; None of none."""
    if not len(values):
        return {"mean": None, "quantiles": None}
    return {"mean": float(values.mean()), "quantiles": np.quantile(values, _QUANTILES).tolist()}
