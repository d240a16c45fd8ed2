"""A classifier whose head are embeddings of its classes, such as those of CLIP's text tower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from genie_transforms import MissingFileError, UserError

SCALE = 100.0
"""CLIP's own at the end of its training: exp of the largest `logit_scale` that it allows."""


class CosineClassifier(nn.Module):
    """Logits are the cosines between an image's embedding and those of the classes, times `SCALE`.

    With the two towers of CLIP these are zero-shot predictions, from which fine-tuning goes on:
    the embeddings of the classes are trained like everything else.

    Args:
        body: From images ``(B, 3, H, W)`` to embeddings ``(B, D)``.
        classes: Embeddings of the classes, ``(C, D)``.
    """

    def __init__(self, body: nn.Module, classes: Tensor) -> None:
        super().__init__()
        self.body = body
        self.classes = nn.Parameter(F.normalize(classes.float(), dim=1))

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(B, 3, H, W)`` to logits ``(B, C)``."""
        features = self.body(images)
        # In bfloat16 a logit near 100 would be rounded to a half.
        with torch.autocast(images.device.type, enabled=False):
            seen = F.normalize(features.float(), dim=1)
            logits: Tensor = SCALE * (seen @ F.normalize(self.classes, dim=1).T)
            return logits


def read_classes(path: Path, num_classes: int) -> Tensor:
    """Read embeddings of the classes, in the order of the labels, ``(C, D)`` float32.

    Args:
        path: .npy, or .safetensors with one tensor.
        num_classes: C.

    Raises:
        MissingFileError: There is no such file.
        UserError: It holds something else, or another number of rows.
    """
    if not path.is_file():
        raise MissingFileError(f"no class embeddings at {path}")
    if path.suffix == ".safetensors":
        found: list[Tensor] = list(load_file(path).values())
    elif path.suffix == ".npy":
        found = [torch.from_numpy(np.load(path, allow_pickle=False))]
    else:
        raise UserError(f"class embeddings are .npy or .safetensors, got {path}")
    shapes = [tuple(one.shape) for one in found]
    if len(found) != 1 or found[0].ndim != 2 or len(found[0]) != num_classes:
        raise UserError(f"{path} must hold one array of {num_classes} rows, but has {shapes}")
    if not bool(torch.isfinite(found[0]).all()) or not bool(found[0].any(dim=1).all()):
        raise UserError(f"{path} holds rows of zeros, or numbers that are not finite")
    return found[0].float()
