"""Intervals over images: what would another pool of images have given?

Episodes of one pool share its images, so an interval over episodes says how well the mean *of this
pool* is known. A bootstrap would draw the pool's images again, with replacement within each class,
and weight each episode by the product of its images' multiplicities. But an episode of 25 support
images keeps a weight in one resample of 100 000. So its variance is taken to first order, by the
infinitesimal jackknife of Wager, Hastie and Efron (2014), in the form for draws without
replacement of Wager and Athey (2018). In an episode, class c takes k of its n images; over the E_c
episodes with class c, c_i is the covariance of "image i is in it" with the accuracy, v the
variance of the accuracy, and

    V_c = (E_c / E)² · n (n - 1) / (n - k)² · (Σ_i c_i² - k (n - k) / n · v / E_c).

The last term is what chance alone gives Σ c_i² in so many episodes. Support and query images are
counted apart, since they are drawn apart. The variance of the mean is that over episodes, var / E,
plus Σ_c V_c of both. The estimate is noisy, a few hundred episodes of a small effect give a sum
below 0 half of the time; then nothing is said, for the interval over episodes would be too narrow.
Classes are those of the dataset: other classes would be another question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.episodes import Episode, Integers
from benchmarks.measure import Floats


def interval_over_images(
    values: Floats, episodes: Sequence[Episode], labels: Integers, num_support: int
) -> float:
    """Return half the 95 % interval of a mean over episodes, if the images were drawn again.

    Args:
        values: Of each episode, such as its accuracy or a difference, ``(E,)``; NaN where it
            failed, which is left out.
        episodes: The same episodes in the same order.
        labels: Class of each image of the pool, ``(P,)``.
        num_support: The first so many images are those that may be support, the others queries.

    Returns:
        1.96 times the standard error; NaN if it is not known, since there are fewer than two
        episodes of a class, every image of a class is in each of them, or chance alone explains
        how the images differ.

    Raises:
        ValueError: There are not as many values as episodes.
    """
    kept = np.flatnonzero(np.isfinite(values))
    if len(values) != len(episodes):
        raise ValueError(f"{len(values)} values of {len(episodes)} episodes")
    if len(kept) < 2:
        return float("nan")
    known, chosen = values[kept], [episodes[number] for number in kept.tolist()]
    over_images = 0.0
    for label in np.unique(labels).tolist():
        for rows, members in drawn_images(chosen, labels, num_support, label):
            over_images += class_variance(known, members, rows)
    if not over_images > 0:
        return float("nan")
    return float(1.96 * np.sqrt(known.var() / len(known) + over_images))


def class_variance(
    values: Floats, members: Sequence[Sequence[int] | None], rows: Integers
) -> float:
    """Return V_c of the module's formula for the images of one class in one part.

    Returns:
        The variance, which noise may make negative; NaN if it cannot be known; 0 of a class that
        no episode has. Arguments as in `class_influences`.
    """
    influences, by_chance = class_influences(values, members, rows)
    return float(np.square(influences).sum() - by_chance)


def class_influences(
    values: Floats, members: Sequence[Sequence[int] | None], rows: Integers
) -> tuple[Floats, float]:
    """Return how much each image of one class in one part moves the mean.

    Args:
        values: Of each episode, ``(E,)``.
        members: Which images of the class each episode takes; None where it does not have it.
        rows: All images of the class, ``(n,)``.

    Returns:
        ``(n,)``, in units of one standard deviation of a draw of the images: V_c is the sum of
        their squares, less what chance alone gives it, which comes second. NaN if they cannot be
        known; 0 of a class that no episode has.
    """
    with_class = [number for number, images in enumerate(members) if images is not None]
    if not with_class:
        return np.zeros(len(rows)), 0.0
    place = {int(row): position for position, row in enumerate(rows)}
    taken = np.zeros((len(with_class), len(rows)))
    for line, number in zip(taken, with_class, strict=True):
        line[[place[row] for row in members[number] or ()]] = 1
    count, n = taken.shape
    k = int(taken[0].sum())
    if count < 2 or k == n:
        return np.full(len(rows), np.nan), float("nan")
    gaps = values[with_class] - values[with_class].mean()
    covariances = gaps @ (taken - taken.mean(0)) / count
    by_chance = k * (n - k) / n * gaps.var() / count
    scale = float(count / len(values) * (n * (n - 1)) ** 0.5 / (n - k))
    return scale * covariances, float(scale**2 * by_chance)


def drawn_images(
    episodes: Sequence[Episode], labels: Integers, num_support: int, label: int
) -> Iterator[tuple[Integers, list[Sequence[int] | None]]]:
    """Yield for support and for queries the images of a class, and those that episodes take."""
    is_support = np.arange(len(labels)) < num_support
    for part, own in (("support", is_support), ("query", ~is_support)):
        rows = np.flatnonzero(own & (labels == label))
        yield (
            rows,
            [
                getattr(episode, part)[episode.classes.index(label)]
                if label in episode.classes
                else None
                for episode in episodes
            ],
        )
