"""UniSiam: training of a small encoder without labels.

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
        """Compute the loss of two views ``(N, 3, H, W)`` of the same images, a scalar."""
        projected = self.proj(self.encoder(torch.cat([first, second])))
        predicted = F.normalize(self.pred(projected).float(), dim=1)
        projected = F.normalize(projected.float(), dim=1)
        # Detached: without the stop of the gradient, one constant feature would be the optimum.
        swapped = projected.detach().roll(len(first), 0)
        alignment = -(predicted * swapped).sum(1).mean()
        return alignment + self.uniformity * self._uniformity(projected)

    def _uniformity(self, projected: Tensor) -> Tensor:
        """Compute the logarithm of the mean kernel between different images."""
        n = len(projected)
        same = torch.eye(n // 2, dtype=torch.bool).repeat(2, 2)
        kernel = (projected @ projected.T / self.temperature).masked_fill(same, -torch.inf)
        return kernel.logsumexp((0, 1)) - math.log(n * (n - 2))
