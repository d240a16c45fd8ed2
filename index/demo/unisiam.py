"""UniSiam: self-supervised training of a small encoder, without labels.

Source: Lu et al., "Self-Supervision Can Be a Good Few-Shot Learner", ECCV 2022.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class UniSiam(nn.Module):
    """An encoder with UniSiam's projector and predictor; calling it gives the loss.

    Args:
        encoder: Maps images ``(N, 3, H, W)`` to features ``(N, num_features)``.
        num_features: Dimensions of the features.
        num_projected: Dimensions of the projections.
        uniformity: Weight of the uniformity term (the paper's lambda).
        temperature: Temperature of the uniformity term.
    """

    def __init__(
        self,
        encoder: nn.Module,
        num_features: int,
        num_projected: int = 256,
        uniformity: float = 0.1,
        temperature: float = 2.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.uniformity = uniformity
        self.temperature = temperature
        self.proj = nn.Sequential(
            nn.Linear(num_features, num_projected),
            nn.BatchNorm1d(num_projected),
            nn.ReLU(inplace=True),
            nn.Linear(num_projected, num_projected),
            nn.BatchNorm1d(num_projected),
        )
        self.pred = nn.Sequential(
            nn.Linear(num_projected, num_projected // 2),
            nn.BatchNorm1d(num_projected // 2),
            nn.ReLU(inplace=True),
            nn.Linear(num_projected // 2, num_projected),
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Give the loss of two views ``(N, 3, H, W)`` of the same images, a scalar."""
        projected = self.proj(self.encoder(torch.cat([first, second])))
        predicted = F.normalize(self.pred(projected).float(), dim=1)
        projected = F.normalize(projected.float(), dim=1)
        swapped = projected.detach().roll(len(first), 0)
        alignment = -(predicted * swapped).sum(1).mean()
        return alignment + self.uniformity * self._uniformity(projected)

    def _uniformity(self, projected: Tensor) -> Tensor:
        """Log of the mean kernel between different images."""
        n = len(projected)
        same = torch.eye(n // 2, dtype=torch.bool).repeat(2, 2)
        kernel = (projected @ projected.T / self.temperature).masked_fill(same, -torch.inf)
        return (kernel.logsumexp(1) - math.log(n - 2)).mean()


def random_views(
    images: Tensor, masks: Tensor, backgrounds: Tensor, rng: torch.Generator
) -> Tensor:
    """Show every image's object anew: turned, moved, recoloured, on another background.

    Swapping the background with the help of object masks is what keeps the encoder from
    recognising a picture by its background (Ryali et al., arXiv 2103.12719). No label is used.

    Args:
        images: ``(N, 3, H, W)`` float32 in [0, 1].
        masks: Objects, ``(N, H, W)`` bool.
        backgrounds: Pictures to choose among, ``(B, 3, H, W)`` float32 in [0, 1].
        rng: Source of randomness.

    Returns:
        ``(N, 3, H, W)`` float32 in [0, 1].
    """
    chosen = torch.randint(len(backgrounds), (len(images),), generator=rng)
    objects = torch.cat([_recolour(images, rng), masks[:, None].float()], 1)
    grid = F.affine_grid(_motions(len(images), rng), list(objects.shape), align_corners=False)
    moved = F.grid_sample(objects, grid, padding_mode="border", align_corners=False)
    colours, cover = moved[:, :3], moved[:, 3:]
    behind = _recolour(backgrounds[chosen], rng)
    return (behind + (colours - behind) * cover).clamp(0, 1)


def _motions(n: int, rng: torch.Generator) -> Tensor:
    """Draw turn, zoom, mirror and shift, ``(N, 2, 3)``."""
    angle = (torch.rand(n, generator=rng) - 0.5) * math.pi
    zoom = 0.75 + 0.35 * torch.rand(n, generator=rng)
    mirror = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
    shift = (torch.rand(n, 2, generator=rng) - 0.5) * 0.4
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    rows = [
        torch.stack([cos * mirror, -sin, shift[:, 0]], 1),
        torch.stack([sin * mirror, cos, shift[:, 1]], 1),
    ]
    return torch.stack(rows, 1)


def _recolour(images: Tensor, rng: torch.Generator) -> Tensor:
    """Mix the channels of each image at random, then change gain and offset."""
    n = len(images)
    mixing = torch.eye(3) + torch.randn(n, 3, 3, generator=rng)
    mixing = mixing / mixing.abs().sum(2, keepdim=True)
    mixed = torch.einsum("nij,njhw->nihw", mixing, images - 0.5)
    gain = 0.7 + 1.1 * torch.rand(n, 1, 1, 1, generator=rng)
    return 0.5 + gain * mixed + 0.2 * torch.randn(n, 3, 1, 1, generator=rng)
