"""Differences of arms, paired by seed, with intervals over seeds and over test images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import ttest_1samp

from benchmarks.measure import half_t_interval

Floats = npt.NDArray[np.float64]

_RESAMPLES = 2000


def difference(first: Floats, second: Floats) -> dict[str, Any]:
    """Return the mean difference of two arms with its 95 % t-interval over seeds.

    Args:
        first: A figure of the first arm, ``(S,)``, one for each seed.
        second: The same of the second, of the same seeds.

    Returns:
        `difference`, `interval` (NaN of fewer than two seeds), `p` of the two-sided paired t-test,
        `seeds`.
    """
    gaps = first - second
    count, mean = len(gaps), float(gaps.mean())
    if count < 2:
        return {"difference": mean, "interval": [np.nan, np.nan], "p": np.nan, "seeds": count}
    half = half_t_interval(gaps)
    # Of equal gaps the test has nothing to divide by: certain, or no difference at all.
    p = float(ttest_1samp(gaps, 0).pvalue) if gaps.std() > 0 else float(mean == 0)
    return {"difference": mean, "interval": [mean - half, mean + half], "p": p, "seeds": count}


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Return Holm's adjusted p values: each at least as large as those before it, at most 1."""
    order = sorted(p_values, key=lambda name: p_values[name])
    adjusted, largest = {}, 0.0
    for place, name in enumerate(order):
        value = p_values[name]
        largest = max(largest, min(1.0, (len(order) - place) * value))
        adjusted[name] = float("nan") if np.isnan(value) else largest
    return {name: adjusted[name] for name in p_values}


def over_seeds_and_images(
    first: Sequence[npt.NDArray[Any]],
    second: Sequence[npt.NDArray[Any]],
    labels: list[npt.NDArray[np.int64]],
) -> list[float]:
    """Return a 95 % interval of the difference, if seeds and test images were drawn again.

    The figure is the mean over a seed's classes of the accuracy on their test images. Half the
    interval is √(s² + i²): s is that of the t-interval over seeds, since a bootstrap of five seeds
    is much too narrow; i is 1.96 standard deviations of a bootstrap of the images within their
    class, the same ones for both arms and for all seeds. Seeds share them, so that more seeds
    make no more of them. What seeds differ by has some of the images in it, too: the interval is
    rather too wide than too narrow.

    Args:
        first: Whether the first arm was right, for each seed ``(S, N_s)``, on its Few test images,
            in the order of the test set; or another figure of each image.
        second: The same of the second arm.
        labels: Class of each of these images.

    Returns:
        Both ends; NaN of fewer than two seeds.
    """
    rng = np.random.default_rng(0)
    gaps = [a.astype(np.float64) - b for a, b in zip(first, second, strict=True)]
    by_class = [
        {int(label): gap[classes == label] for label in np.unique(classes)}
        for gap, classes in zip(gaps, labels, strict=True)
    ]
    sizes = {label: len(cell) for cells in by_class for label, cell in cells.items()}
    means = np.empty(_RESAMPLES)
    for k in range(_RESAMPLES):
        drawn = {label: rng.integers(size, size=size) for label, size in sizes.items()}
        means[k] = np.mean([
            np.mean([cell[drawn[label]].mean() for label, cell in cells.items()])
            for cells in by_class
        ])  # fmt: skip
    by_seed = np.array([np.mean([cell.mean() for cell in cells.values()]) for cells in by_class])
    found = difference(by_seed, np.zeros_like(by_seed))
    mean, (_, high) = found["difference"], found["interval"]
    half = float(np.hypot(high - mean, 1.96 * means.std()))
    return [mean - half, mean + half]


def share_of_gap(arm: Floats, floor: Floats, ceiling: Floats) -> float:
    """Return (arm - floor) / (ceiling - floor) of the means over seeds; NaN without a gap.

    With re-sampling as floor and real images of the generator's own training set as ceiling, it is
    what generated images are worth of the real ones that the generator was made from.
    """
    gap = float(ceiling.mean() - floor.mean())
    return float(arm.mean() - floor.mean()) / gap if gap else float("nan")
