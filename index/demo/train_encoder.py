"""Training of the demo's backbone: base classes only, no labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from index.train import FitSettings, SmallResNet, UniSiam, draw, fit

from .config import TrainConfig
from .cutouts import Cutouts
from .scenes import BASE_CLASSES, NOVEL_CLASSES, Scenes


def train_encoder(config: TrainConfig, cutouts: Cutouts) -> SmallResNet:
    """Train the backbone on objects of base classes, without their labels."""
    encoder = SmallResNet(width=32)
    model = UniSiam(encoder, encoder.num_features)

    def loss(rng: torch.Generator, progress: float) -> Tensor:
        rows = draw(rng, 64, len(cutouts.objects))
        strength = min(max(progress * 10 - 1, 0.0), 1.0)  # plain at first, full from a fifth on
        value: Tensor = model(*(cutouts.views(rows, strength, rng) for _ in range(2)))
        return value

    fit(
        "encoder",
        nn.ModuleDict({"encoder": model}),
        loss,
        FitSettings(
            num_steps=config.encoder_steps,
            learning_rate=1e-3,
            folder=config.work,
            seed=config.seed + 2,
        ),
    )
    return encoder


@torch.no_grad()
def centroid_accuracy(encoder: SmallResNet) -> dict[str, float]:
    """Measure how often the nearest of the centroids of 20 images a class is the right one."""
    accuracy = {}
    for name, classes in (("base", BASE_CLASSES), ("novel", NOVEL_CLASSES)):
        support, query = (Scenes(20, classes, seed=2**20 + k) for k in (1, 2))
        known, queried = (
            F.normalize(encoder(s.pixels(slice(None)).float() / 255)) for s in (support, query)
        )
        centroids = F.normalize(known.view(len(classes), 20, -1).mean(1))
        right = (queried @ centroids.T).argmax(1) == torch.tensor(query.targets)
        accuracy[f"encoder_{name}_centroid_accuracy"] = round(right.float().mean().item(), 4)
    return accuracy
