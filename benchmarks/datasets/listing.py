"""What a reader finds in one split of a dataset, before anything is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

Encoded = Path | bytes | np.ndarray
"""A file, an encoded image, or an image ``(H, W, 3)`` uint8."""


class Listing(NamedTuple):
    """What a split holds.

    Attributes:
        classes: Short names; labels are positions in it.
        displays: The same for prompts.
        targets: Labels.
        images: The images.
    """

    classes: list[str]
    displays: list[str]
    targets: list[int]
    images: Sequence[Encoded]
