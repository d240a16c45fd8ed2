"""Which rows a report shows, for no file holds all of a large bank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .columns import Columns

MOST_ROWS = 400
"""Rows in the gallery: a browser lays them out at once, and nobody looks at more."""

MOST_REVIEWED = 24
"""Rows of each of the groups below."""

GROUPS = {
    "hardest": "hardest: on target by the least",
    "near": "near misses: off target by the least",
    "doubtful": "most doubtful: off target by the most",
    "disputed": "disputed: on target, and a judge sees another class",
}
"""What a reviewer should look at, by name."""


def review_groups(columns: Columns) -> dict[str, list[int]]:
    """Return the rows of each group of `GROUPS`, the first to look at first.

    A bank without the column `margin` has none but the disputed, those that a judge takes for the
    target by the least.
    """
    margin = columns.numbers("margin")
    on_target = np.flatnonzero(columns.is_true("on_target") & ~np.isnan(margin))
    off_target = np.flatnonzero(columns.is_false("on_target") & ~np.isnan(margin))
    nearest_first = {
        "hardest": on_target[np.argsort(margin[on_target], kind="stable")],
        "near": off_target[np.argsort(-margin[off_target], kind="stable")],
        "doubtful": off_target[np.argsort(margin[off_target], kind="stable")],
        "disputed": _disputed(columns),
    }
    return {name: rows[:MOST_REVIEWED].tolist() for name, rows in nearest_first.items()}


def _disputed(columns: Columns) -> npt.NDArray[np.int64]:
    """Return the rows on target that a judge takes for another class, the least likely first."""
    least = np.full(len(columns), np.inf)
    for judge in columns.judges:
        classes = columns.numbers(f"{judge}_class")
        other = ~np.isnan(classes) & (classes != columns.labels("label"))
        share = columns.numbers(f"{judge}_target_probability")
        least = np.where(other, np.fmin(least, share), least)
    rows = np.flatnonzero(columns.is_true("on_target") & np.isfinite(least))
    return rows[np.argsort(least[rows], kind="stable")]


def shown_rows(columns: Columns, first: list[int], most: int = MOST_ROWS) -> list[int]:
    """Return the rows that are shown, the most important first: the same for the same bank.

    After the rows to review come those of all targets in turn, so that a rare class is seen too;
    within a class, spread over the bank.

    Args:
        columns: The bank.
        first: Rows to review.
        most: Rows, at most.
    """
    labels = columns.labels("label")
    order = np.random.default_rng(0).permutation(len(labels))
    # The how-manieth of its class each row is, in that order: all firsts, then all seconds, …
    by_class = order[np.argsort(labels[order], kind="stable")]
    counts = np.unique(labels, return_counts=True)[1]
    turn = np.concatenate([np.arange(count) for count in counts]) if len(counts) else order
    spread = by_class[np.argsort(turn, kind="stable")]
    return list(dict.fromkeys([*first, *spread.tolist()]))[:most]
