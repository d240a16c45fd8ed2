"""How hard negatives are to a judge, given that the oracle sees their target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from index.config import PAPER_NOISE_RATIOS

from .judges import Floats, Judge
from .plans import Swept

COLUMNS = (*PAPER_NOISE_RATIOS, "ada", "txt2img", "real")
"""What is judged of each pair: each r of the sweep, Ada's own choice, the two it stands beside."""

_DRAWS = 2000  # of the bootstrap


def per_pair(shares: Floats, swept: Swept, confusion: Floats) -> dict[str, Floats]:
    """Measure how hard each pair's image is.

    Args:
        shares: Probability of each class, ``(P, C)``.
        swept: The pairs.
        confusion: Of the judge on real images, see `Judge`.

    Returns:
        ``(P,)`` each: `off_diagonal`, 1 if the image is predicted as another class than the target;
        `to_source`, 1 if as the source's; `source_probability`, that of the source's class; and
        `off_diagonal_beyond_real` and `to_source_beyond_real`, the first two less the share of
        *real* images of the target that are predicted so.
    """
    predicted, rows = shares.argmax(1), np.arange(len(shares))
    off = (predicted != swept.target).astype(np.float64)
    to_source = (predicted == swept.source).astype(np.float64)
    return {
        "off_diagonal": off,
        "to_source": to_source,
        "source_probability": shares[rows, swept.source],
        "off_diagonal_beyond_real": off - (1 - confusion[swept.target, swept.target]),
        "to_source_beyond_real": to_source - confusion[swept.target, swept.source],
    }


def of_real_images(swept: Swept, confusion: Floats) -> dict[str, Floats]:
    """Return the same of real images of each pair's target, as shares of the held-out ones."""
    real = {
        "off_diagonal": 1 - confusion[swept.target, swept.target],
        "to_source": confusion[swept.target, swept.source],
    }
    nothing = np.zeros(len(swept.target))
    return {**real, "off_diagonal_beyond_real": nothing, "to_source_beyond_real": nothing}


def resampled(
    values: Floats, ids: npt.NDArray[np.int64], weights: Floats, counted: npt.NDArray[np.bool_]
) -> Floats:
    """Average values of pairs ``(P,)`` under weights of source images ``(B, S)``: ``(B,)``.

    Args:
        values: One for each pair.
        ids: The source image of each pair, a position in the weights' second axis, ``(P,)``.
        weights: How often each source image was drawn.
        counted: Which pairs count, ``(P,)``.

    Returns:
        NaN where no pair that counts was drawn.
    """
    of_pairs = weights[:, ids] * counted
    with np.errstate(invalid="ignore"):
        mean: Floats = (of_pairs * values).sum(1) / of_pairs.sum(1)
    return mean


def compare_plans(plans: Mapping[str, Swept], judge: Judge, oracle: Judge) -> list[dict[str, Any]]:
    """Return one entry for each of `COLUMNS` and each plan, of images that the oracle accepts."""
    sources = np.unique(np.concatenate([swept.source_ids for swept in plans.values()]))
    places = {plan: np.searchsorted(sources, swept.source_ids) for plan, swept in plans.items()}
    rng = np.random.default_rng(0)
    # Pairs of one source image depend on each other, so the bootstrap draws images, not pairs;
    # all plans get the same draws, so that their differences are paired.
    drawn = rng.multinomial(len(sources), np.full(len(sources), 1 / len(sources)), _DRAWS)
    weights = np.concatenate([np.ones((1, len(sources))), drawn])  # the first is the estimate
    measured = {plan: _measure(swept, judge, oracle) for plan, swept in plans.items()}
    results: list[dict[str, Any]] = []
    for column in COLUMNS:
        base: Mapping[str, Floats] = {}
        for plan in plans:
            found, counted = measured[plan][column]
            own = {
                key: resampled(value, places[plan], weights, counted)
                for key, value in found.items()
            }
            base = base or own  # the first plan is the random one
            entry = {"noise_ratio": column, "plan": plan, "pairs": int(counted.sum())}
            entry["accepted"] = round(100 * float(counted.mean()), 2)
            results.append(entry | {key: summarize_plan(own[key], base[key]) for key in own})
    return results


def _measure(
    swept: Swept, judge: Judge, oracle: Judge
) -> dict[float | str, tuple[dict[str, Floats], npt.NDArray[np.bool_]]]:
    """Return for each of `COLUMNS` what `per_pair` does, and which pairs the oracle accepts."""
    flat = swept.images.flatten(0, 1)
    shape = (*swept.images.shape[:2], -1)
    shares, seen = (one.classify(flat).reshape(shape) for one in (judge, oracle))
    accepted = seen.argmax(2) == swept.target[:, None]
    pairs = np.arange(len(swept.target))
    found: dict[float | str, tuple[dict[str, Floats], npt.NDArray[np.bool_]]] = {}
    for column in COLUMNS[:-1]:
        place: Any = swept.chosen
        if column != "ada":
            place = len(PAPER_NOISE_RATIOS) if column == "txt2img" else COLUMNS.index(column)
        measured = per_pair(shares[pairs, place], swept, judge.confusion)
        found[column] = measured, accepted[pairs, place]
    found["real"] = of_real_images(swept, judge.confusion), np.ones(len(pairs), dtype=bool)
    return found


def summarize_plan(means: Floats, random: Floats) -> dict[str, Any]:
    """Return a plan's mean and its difference to random, in percent, with bootstrap intervals.

    Args:
        means: The estimate, then those of the bootstrap, ``(1 + B,)``.
        random: The same of the random plan, from the same source images.
    """
    gap = means - random

    def bounds(values: Floats) -> list[float]:
        known = values[1:][np.isfinite(values[1:])]  # some draws have no pair that counts
        if not len(known):
            return [float("nan"), float("nan")]
        return [round(100 * float(q), 2) for q in np.quantile(known, (0.025, 0.975))]

    return {
        "mean": round(100 * float(means[0]), 2),
        "interval": bounds(means),
        "difference": round(100 * float(gap[0]), 2),
        "difference_interval": bounds(gap),
    }
