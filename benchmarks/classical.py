"""Classical augmentation with torchvision's transforms, one image at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

Views = Callable[[Tensor], Tensor]

_CROP_AND_FLIP = [
    v2.RandomResizedCrop(64, scale=(0.2, 1.0), antialias=True),
    v2.RandomHorizontalFlip(),
]
WEAK = v2.Compose(_CROP_AND_FLIP)
# Strengths and probabilities of MoCo v2 (Chen et al., 2020); the kernel spans a tenth of the image.
STRONG = v2.Compose(
    [
        *_CROP_AND_FLIP,
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        v2.RandomGrayscale(0.2),
        v2.RandomApply([v2.GaussianBlur(7, (0.1, 2.0))], p=0.5),
    ]
)


def weak(images: Tensor) -> Tensor:
    """Crop and flip each of ``(M, 3, 64, 64)`` uint8 on its own."""
    return torch.stack([WEAK(image) for image in images])


def strong(images: Tensor) -> Tensor:
    """Crop, flip, jitter colours, drop colours and blur, each of ``(M, 3, 64, 64)`` uint8."""
    return torch.stack([STRONG(image) for image in images])


def mixed(images: Tensor) -> Tensor:
    """Augment every other image of ``(M, 3, 64, 64)`` uint8 weakly, the rest strongly."""
    return torch.stack(
        [(WEAK if place % 2 == 0 else STRONG)(image) for place, image in enumerate(images)]
    )


def blend(
    mixer: type[v2.MixUp | v2.CutMix], images: Tensor, labels: Tensor, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Mix each image with another one of the batch, each pair with its own share.

    torchvision draws one share for a whole batch, so it gets the pairs one by one.

    Args:
        mixer: `v2.MixUp` or `v2.CutMix`, with torchvision's alpha = 1.
        images: ``(M, 3, H, W)`` uint8.
        labels: ``(M,)`` int64 in [0, `num_classes`).
        num_classes: N.

    Returns:
        Images ``(M, 3, H, W)`` uint8, and soft labels ``(M, N)`` float32.
    """
    mix: Any = mixer(num_classes=num_classes)
    order = torch.randperm(len(images))
    partners = torch.empty_like(order)
    partners[order] = order.roll(1)  # a cycle: no image meets itself
    blended = []
    for place, partner in enumerate(partners.tolist()):
        pair, soft = mix(images[[place, partner]].float(), labels[[place, partner]])
        blended.append((pair[0].round().to(torch.uint8), soft[0].float()))
    pictures, shares = zip(*blended, strict=True)
    return torch.stack(pictures), torch.stack(shares)
