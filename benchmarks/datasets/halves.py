"""A training split cut in two: one half for the generator, the other for the classifier.

What a classifier gains from a generator that learned from the classifier's own images would say
nothing. The cut depends on each image's content alone, so every command makes the same one.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt

from .registry import LabelledSet

Half = Literal["generator", "classifier", "whole"]

_SALT = b"genie-long-tail:"


def rows_of_half(data: LabelledSet, half: Half) -> npt.NDArray[np.int64]:
    """Return the rows of one half of each class, ascending int64; of an odd one, G has one more.

    No image is in both: one of which there are several, in a class or in two, is not the
    classifier's if the generator has it.
    """
    if half == "whole":
        return np.arange(len(data))
    keys = np.array([hashlib.sha256(_SALT + digest).hexdigest() for digest in data.digests])
    halves: tuple[list[npt.NDArray[np.int64]], ...] = ([], [])
    for label in range(len(data.classes)):
        rows = np.flatnonzero(data.labels == label)
        rows = rows[keys[rows].argsort(kind="stable")]
        cut = -(-len(rows) // 2)
        halves[0].append(rows[:cut])
        halves[1].append(rows[cut:])
    generator, classifier = (np.sort(np.concatenate(parts)) for parts in halves)
    if half == "generator":
        return generator
    return classifier[~np.isin(data.digests[classifier], data.digests[generator])]
