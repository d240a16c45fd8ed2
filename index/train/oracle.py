"""Training of the oracle: the classifier that only measures what is generated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import StageConfig
from .fitting import FitSettings, draw, fit
from .models import SmallResNet


def train_oracle(config: StageConfig, pixels: Tensor, labels: Tensor) -> SmallResNet:
    """Train a classifier on pixels ``(N, 3, R, R)`` uint8 with labels ``(N,)`` int64.

    Batches are blurred at random and a little noisy: an autoencoder softens edges, and that must
    not change the class. It goes on from whatever checkpoint the folder of work has, which
    `train_pipeline` keeps for one training set.
    """
    model, size = SmallResNet(width=24, num_classes=int(labels.max()) + 1), pixels.shape[-1]
    device = config.device

    def loss(rng: torch.Generator, _: float) -> Tensor:
        rows = draw(rng, 64, len(pixels))
        images = pixels[rows].to(device).float() / 255
        small = int(torch.randint(size * 5 // 16, size + 1, (), generator=rng))
        images = F.interpolate(images, small, mode="bilinear", antialias=True)
        images = F.interpolate(images, size, mode="bilinear")
        images = images + 0.03 * torch.randn(images.shape, generator=rng).to(device)
        return F.cross_entropy(model(images), labels[rows].to(device), label_smoothing=0.05)

    fit(
        "oracle",
        nn.ModuleDict({"oracle": model}),
        loss,
        FitSettings(
            num_steps=config.oracle_steps,
            learning_rate=3e-3,
            folder=config.work,
            seed=config.seed + 3,
            device=device,
        ),
    )
    return model
