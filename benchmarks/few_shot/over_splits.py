"""Intervals over splits of the classes and images: what would other ones have given?

The figure is a mean over splits. Half its interval is √(s² + i²). s is that of the t-interval over
splits: splits are drawn alike, and a bootstrap of five of them is much too narrow. i is 1.96 times
the standard error that the images leave, by the infinitesimal jackknife of `over_images`, which
stands for a bootstrap that would weight few episodes alone.

A class is novel in several splits and has the same images in each, so an image's influence is
summed over splits before it is squared: more splits make no more images. What splits differ by has
some of the images in it, too, and so the interval is rather too wide than too narrow. Generators
are too few to be drawn from: an episode's value is the mean over them, and intervals are for these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.episodes import Episode, Integers
from benchmarks.measure import Floats, half_t_interval

from .over_images import class_influences, drawn_images


@dataclass(frozen=True)
class DrawnSplit:
    """The episodes of a split of the classes.

    Attributes:
        classes: Names of its novel classes; labels are positions in it.
        labels: Of the pool's images, first S for support, then the queries, ``(P,)`` int64.
        num_support: S.
        episodes: The E episodes.
    """

    classes: tuple[str, ...]
    labels: Integers
    num_support: int
    episodes: Sequence[Episode]


@dataclass(frozen=True)
class OverSplits:
    """A mean over splits, and its intervals.

    Attributes:
        mean: The mean; NaN if all episodes of a split failed.
        half: Half the 95 % t-interval over splits; NaN of fewer than two.
        half_images: The same if images were drawn again as well; NaN where chance alone explains
            how they differ, or nothing can be known.
        by_split: Mean of each split, ``(S,)``.
    """

    mean: float
    half: float
    half_images: float
    by_split: Floats


def over_splits(values: Sequence[Floats], splits: Sequence[DrawnSplit]) -> OverSplits:
    """Return the mean of values over splits, with its intervals.

    Args:
        values: For each split, of each of its first episodes, such as an accuracy or a difference;
            NaN where it failed, which is left out.
        splits: The splits.
    """
    by_split, nan = means_of_splits(values), float("nan")
    if np.isnan(by_split).any():
        return OverSplits(nan, nan, nan, by_split)
    kept = [np.flatnonzero(np.isfinite(of_split)) for of_split in values]
    known = [of_split[rows] for of_split, rows in zip(values, kept, strict=True)]
    episodes = [
        [split.episodes[row] for row in rows.tolist()]
        for split, rows in zip(splits, kept, strict=True)
    ]
    variance, half = variance_over_images(known, splits, episodes), half_t_interval(by_split)
    over_images = 1.96 * float(np.sqrt(variance)) if variance > 0 else nan
    return OverSplits(float(by_split.mean()), half, float(np.hypot(half, over_images)), by_split)


def means_of_splits(values: Sequence[Floats]) -> Floats:
    """Return the mean of each split's values that are finite, ``(S,)``; NaN where none is."""
    known = [of_split[np.isfinite(of_split)] for of_split in values]
    return np.array([of_split.mean() if len(of_split) else np.nan for of_split in known])


def variance_over_images(
    values: Sequence[Floats],
    splits: Sequence[DrawnSplit],
    episodes: Sequence[Sequence[Episode]],
) -> float:
    """Return the variance that drawing the images of all classes again gives the mean over splits.

    Args:
        values: For each split, of each of its `episodes`, finite.
        splits: The splits; a class has the same images in each, in the same order.
        episodes: The episodes that did not fail.

    Returns:
        The variance, which noise may make negative; NaN if it cannot be known.
    """
    influences: defaultdict[tuple[str, int], list[Floats]] = defaultdict(list)
    by_chance = 0.0
    for of_split, split, chosen in zip(values, splits, episodes, strict=True):
        for label, name in enumerate(split.classes):
            drawn = drawn_images(chosen, split.labels, split.num_support, label)
            for part, (rows, members) in enumerate(drawn):
                moved, chance = class_influences(of_split, members, rows)
                influences[name, part].append(moved)
                by_chance += chance
    squares = sum(float(np.square(sum(moved)).sum()) for moved in influences.values())
    return (squares - by_chance) / len(splits) ** 2
