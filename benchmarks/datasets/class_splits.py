"""Splits of a dataset's classes into base and novel ones, drawn so that nobody picks them.

An encoder is trained on base classes, and episodes have novel ones. Both ask here by the number of
the split, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from genie_transforms import UserError

MOST_SPLITS = 100
"""That are drawn of a dataset; one with few classes has fewer."""

_SEED = 2**18  # chosen once, before any split was looked at


class ClassSplit(NamedTuple):
    """A split of classes.

    Attributes:
        base: Sorted names of the classes that an encoder may see.
        novel: Sorted names of those that it may not.
    """

    base: tuple[str, ...]
    novel: tuple[str, ...]


def class_split(classes: Sequence[str], number: int) -> ClassSplit:
    """Return one of the drawn splits, half of whose classes are novel; of an odd number, fewer.

    Splits are drawn one after the other, by the sorted names; one that came before is drawn again.

    Args:
        classes: Names of the C classes, in any order.
        number: Which split, from 0.

    Raises:
        UserError: There are fewer than four classes, or no split of this number.
    """
    names = sorted(classes)
    if len(names) < 4:
        raise UserError(f"a split needs two classes on both sides, got the classes {names}")
    half = len(names) // 2
    most = min(MOST_SPLITS, comb(len(names), half))
    if not 0 <= number < most:
        raise UserError(f"class_split must lie in [0, {most - 1}], got {number}")
    rng = np.random.default_rng(_SEED)
    drawn: dict[tuple[int, ...], None] = {}  # in the order of the draws
    while len(drawn) <= number:
        drawn[tuple(sorted(rng.permutation(len(names))[:half].tolist()))] = None
    novel = [*drawn][number]
    base = [place for place in range(len(names)) if place not in novel]
    return ClassSplit(tuple(names[k] for k in base), tuple(names[k] for k in novel))
