"""Statistics over episodes: means, intervals, paired differences. Failed episodes are NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap, t

Floats = npt.NDArray[np.float64]


def mean_and_interval(values: Floats) -> tuple[float, float]:
    """Return the mean over episodes and its interval.

    Args:
        values: ``(E,)``; NaN where an episode failed, which is left out.

    Returns:
        The mean, and half its 95 % interval, 1.96 std / sqrt(E), as the field reports it (the
        standard deviation divides by E). NaN, both, if every episode failed.
    """
    kept = values[np.isfinite(values)]
    if not len(kept):
        return float("nan"), float("nan")
    return float(kept.mean()), float(1.96 * kept.std() / len(kept) ** 0.5)


def half_t_interval(values: Floats) -> float:
    """Return half the 95 % t-interval of a mean over few draws, such as seeds or splits.

    A bootstrap of five is much too narrow: it knows five values, and divides by 5 where 4 is right.

    Args:
        values: ``(N,)``.

    Returns:
        NaN of fewer than two.
    """
    if len(values) < 2:
        return float("nan")
    return float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)


def paired_difference(
    values: Floats, baseline: Floats, *, resamples: int = 10_000, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Return the mean difference of two arms on the same episodes, and its interval.

    Args:
        values: ``(E,)``; NaN where an episode failed.
        baseline: ``(E,)``, the same episodes in the same order.
        resamples: Bootstrap samples.
        seed: Seed of the bootstrap.

    Returns:
        The mean of `values` - `baseline` over the episodes that both have, and its 95 % interval
        by the percentile bootstrap over episodes; NaN without episodes, and for the interval with
        fewer than two.

    Raises:
        ValueError: The two have different lengths.
    """
    if values.shape != baseline.shape:
        raise ValueError(f"{values.shape} and {baseline.shape} are not the same episodes")
    gaps = values - baseline  # NaN where either failed: only common episodes count
    gaps = gaps[np.isfinite(gaps)]
    nan = float("nan")
    if len(gaps) < 2:
        return (float(gaps.mean()) if len(gaps) else nan), (nan, nan)
    found = bootstrap(
        (gaps,), np.mean, n_resamples=resamples, method="percentile", rng=seed, batch=1000
    )
    low, high = found.confidence_interval
    return float(gaps.mean()), (float(low), float(high))


def without_nan(content: Any) -> Any:
    """Return content for JSON with None in place of NaN, which JSON does not have."""
    if isinstance(content, dict):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and np.isnan(content) else content
