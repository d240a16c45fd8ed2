"""Training of what looks at the demo's images: the backbone, without labels, and the oracle."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .fit import draw, fit
from .models import SmallResNet
from .scenes import BASE_CLASSES, NOVEL_CLASSES, Scenes
from .train_config import StageConfig, TrainConfig
from .unisiam import Cutouts, UniSiam


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
        num_steps=config.encoder_steps,
        learning_rate=1e-3,
        folder=config.work,
        seed=config.seed + 2,
    )
    return encoder


def train_oracle(config: StageConfig, pixels: Tensor, labels: Tensor) -> SmallResNet:
    """Train the classifier that measures, on pixels ``(N, 3, R, R)`` uint8 of all classes.

    Batches are blurred at random and a little noisy, so that a soft edge is no other class.
    """
    model, size = SmallResNet(width=24, num_classes=int(labels.max()) + 1), pixels.shape[-1]

    def loss(rng: torch.Generator, _: float) -> Tensor:
        rows = draw(rng, 64, len(pixels))
        images = pixels[rows].float() / 255
        small = int(torch.randint(size * 5 // 16, size + 1, (), generator=rng))
        images = F.interpolate(images, small, mode="bilinear", antialias=True)
        images = F.interpolate(images, size, mode="bilinear")
        images = images + 0.03 * torch.randn(images.shape, generator=rng)
        return F.cross_entropy(model(images), labels[rows], label_smoothing=0.05)

    fit(
        "oracle",
        nn.ModuleDict({"oracle": model}),
        loss,
        num_steps=config.oracle_steps,
        learning_rate=3e-3,
        folder=config.work,
        seed=config.seed + 3,
    )
    return model


@torch.no_grad()
def centroid_accuracy(encoder: SmallResNet) -> dict[str, float]:
    """Measure how often the nearest of the centroids of 20 images a class is the right one."""
    accuracy = {}
    for name, classes in (("base", BASE_CLASSES), ("novel", NOVEL_CLASSES)):
        support, query = (Scenes(20, classes, seed=2**20 + k) for k in (1, 2))
        known, asked = (
            F.normalize(encoder(s.pixels(slice(None)).float() / 255)) for s in (support, query)
        )
        centroids = F.normalize(known.view(len(classes), 20, -1).mean(1))
        right = (asked @ centroids.T).argmax(1) == torch.tensor(query.targets)
        accuracy[f"encoder_{name}_centroid_accuracy"] = round(right.float().mean().item(), 4)
    return accuracy
