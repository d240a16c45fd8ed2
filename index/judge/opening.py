"""Which classifiers can judge: each opened with the preprocessing that it was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from genie_transforms import MissingFileError
from index.demo import CLASSES, ORACLE, load_oracle
from index.embed import Network

from .judge import Judge, judge_of


def demo_judge(
    path: Path = ORACLE, classes: Sequence[str] = CLASSES, *, size: int = 64, batch_size: int = 64
) -> Judge:
    """Open the demo's oracle, or another one that `index.train` has trained.

    Args:
        path: Its weights.
        classes: Its classes.
        size: Height and width that it was trained at.
        batch_size: Images of one pass.

    Raises:
        MissingFileError: There are no such weights.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no oracle at {path}")
    network = Network(load_oracle(path), partial(_to_size, size), f"{size} x {size}, [0, 1]")
    return judge_of("demo", network, [(name,) for name in classes], "cpu", batch_size)


def _to_size(size: int, images: Tensor) -> Tensor:
    pixels = images.float() / 255
    if pixels.shape[-2:] == (size, size):
        return pixels
    return F.interpolate(pixels, (size, size), mode="bilinear", antialias=True).clamp(0, 1)
