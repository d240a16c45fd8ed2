"""Random views of a batch of images, made for all of them at once.

Hand-made although kornia has these transforms: on a processor its batch takes two to three times as
long, and it draws from torch's global generator, where a training resumes from its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

HUE = 0.1
"""Colours are turned by up to this share of the circle, either way."""


def random_views(
    images: Tensor, rng: torch.Generator, min_area: float = 0.2, jitter: float = 0.4
) -> Tensor:
    """Crop, flip, recolour and blur each image, each by its own chance.

    These are the transforms of contrastive learning: RandomResizedCrop, horizontal flip, colour
    jitter (4 of 5 images), grayscale (1 of 5), blur (1 of 2). They are a few operations on
    the whole batch, since one image at a time would cost more than a small network.

    Args:
        images: ``(N, 3, R, R)`` uint8.
        rng: The only source of randomness.
        min_area: Share of the image that the smallest crop takes, in (0, 1].
        jitter: Brightness, contrast and saturation are scaled by up to 1 ± this, in [0, 1].

    Returns:
        ``(N, 3, R, R)`` float32 in [0, 1].
    """
    views = images.float() / 255
    grid = F.affine_grid(_crops(len(views), min_area, rng), list(views.shape), align_corners=False)
    views = F.grid_sample(views, grid, padding_mode="border", align_corners=False)
    views = _recolour(views, jitter, rng)
    blurred = F.avg_pool2d(views, 3, stride=1, padding=1, count_include_pad=False)
    amount = (2 * _uniform(len(views), rng, 0, 1) - 1).clamp_min(0)  # half of them stay sharp
    return views.lerp(blurred, amount[:, None, None, None]).clamp(0, 1)


def _uniform(n: int, rng: torch.Generator, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=rng)


def _crops(n: int, min_area: float, rng: torch.Generator) -> Tensor:
    """Draw crops, half of them mirrored, as matrices for `affine_grid`, ``(N, 2, 3)``."""
    area = _uniform(n, rng, min_area, 1)
    aspect = _uniform(n, rng, math.log(3 / 4), math.log(4 / 3)).exp()
    width, height = ((area * a).sqrt().clamp_max(1) for a in (aspect, 1 / aspect))
    x, y = ((1 - side) * _uniform(n, rng, -1, 1) for side in (width, height))
    mirror = torch.randint(2, (n,), generator=rng) * 2 - 1
    zero = torch.zeros(n)
    rows = [torch.stack([mirror * width, zero, x], 1), torch.stack([zero, height, y], 1)]
    return torch.stack(rows, 1)


def _recolour(views: Tensor, jitter: float, rng: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue of views ``(N, 3, H, W)``.

    All four are one linear map of a pixel's difference from the view's mean, in RGB. Across the
    gray axis, a rotation about it turns the hue (Rodrigues' formula), and a factor saturates.
    """
    n = len(views)
    bright, contrast, saturated = (_uniform(n, rng, 1 - jitter, 1 + jitter) for _ in range(3))
    angle = 2 * math.pi * _uniform(n, rng, -HUE, HUE)
    plain = torch.rand(n, generator=rng) < 0.2
    bright, contrast, saturated = (f.masked_fill(plain, 1) for f in (bright, contrast, saturated))
    angle = angle.masked_fill(plain, 0)
    saturated = saturated.masked_fill(torch.rand(n, generator=rng) < 0.2, 0)  # grayscale

    gray = torch.full((3, 3), 1 / 3)
    turn = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    cos, sin, across = (f[:, None, None] for f in (angle.cos(), angle.sin(), saturated))
    linear = gray + across * (cos * (torch.eye(3) - gray) + sin * turn)
    mean = views.mean((1, 2, 3), keepdim=True)
    moved = torch.einsum("nij,njhw->nihw", contrast[:, None, None] * linear, views - mean)
    return bright[:, None, None, None] * (mean + moved)
