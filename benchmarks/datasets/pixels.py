"""Images of a dataset as one tensor."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm import tqdm

from index.sources import fit_to

from .registry import LabelledSet


def pixels_of(data: LabelledSet, rows: list[int], size: int) -> Tensor:
    """Read some images of a dataset, scaled and cropped to ``(M, 3, size, size)`` uint8."""
    bar = tqdm(rows, desc="images", mininterval=5, disable=None)
    return torch.stack([fit_to(data[row][0], size) for row in bar])
