"""A training split cut in two: one half for the generator, the other for the classifier.

What a classifier gains from a generator that learned from the classifier's own images would say
nothing. The cut depends on each image's content alone, so every command makes the same one.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from genie_transforms import source_digest

from .registry import LabelledSet

Half = Literal["generator", "classifier", "whole"]

_SALT = "genie-long-tail:"


def rows_of_half(data: LabelledSet, half: Half) -> npt.NDArray[np.int64]:
    """Return the rows of one half of each class, ascending int64; of an odd one, G has one more.

    Equal images may fall on both sides of the cut only if they stand at it; all others share a
    half, for they share their hash.
    """
    if half == "whole":
        return np.arange(len(data))
    keys = np.array([_key(data[row][0]) for row in range(len(data))])
    chosen = []
    for label in range(len(data.classes)):
        rows = np.flatnonzero(data.labels == label)
        rows = rows[keys[rows].argsort(kind="stable")]
        cut = -(-len(rows) // 2)
        chosen.append(rows[:cut] if half == "generator" else rows[cut:])
    found: npt.NDArray[np.int64] = np.sort(np.concatenate(chosen))
    return found


def _key(image: Image.Image) -> str:
    return hashlib.sha256((_SALT + source_digest(image)).encode()).hexdigest()
