"""mini-ImageNet and tiered-ImageNet in the layouts that few-shot code passes around."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

Encoded = Path | bytes | np.ndarray
"""A file, an encoded picture, or a picture ``(H, W, 3)`` uint8."""


class Listing(NamedTuple):
    """What a split holds.

    Attributes:
        classes: Short names; labels are positions in it.
        displays: The same for prompts.
        targets: Labels.
        images: The pictures.
    """

    classes: list[str]
    displays: list[str]
    targets: list[int]
    images: Sequence[Encoded]
