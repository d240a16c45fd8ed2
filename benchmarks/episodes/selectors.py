"""Backbones that may choose r* instead of the one that classifies (paper, table A2).

For `--selectors python:benchmarks.episodes.selectors:NAME`. They are meant for small images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from index.demo import ORACLE, load_oracle
from index.embed import Backbone, ModuleBackbone, Network, load_backbone
from index.train import SmallResNet

from .images import cached
from .pool import Pool

SUPERVISED = "python:benchmarks.episodes.selectors:supervised"


def supervised(path: Path = ORACLE) -> nn.Module:
    """Return an oracle without its head: it was trained on every class, an upper bound."""
    oracle = load_oracle(path)
    oracle.head = nn.Identity()
    return _Scaled(oracle)


def untrained() -> nn.Module:
    """Return the network of the demo's encoder with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _Scaled(SmallResNet(width=32).eval())


def pixels() -> Callable[[Tensor], Tensor]:
    """Return a function to the image itself, 8 x 8, less its mean: features without learning."""

    def features(images: Tensor) -> Tensor:
        small = F.adaptive_avg_pool2d(images.float(), 8).flatten(1)
        return small - small.mean(1, keepdim=True) + 1e-3  # never zero, even for a blank image

    return features


class _Scaled(nn.Module):
    """Takes images ``(N, 3, H, W)`` uint8, which the network wants in [0, 1]."""

    def __init__(self, network: SmallResNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images.float() / 255)
        return features


def embedded_by(pool: Pool, spec: str, folder: Path) -> Pool:
    """Return the same pool, embedded by another backbone.

    Args:
        pool: Real and swept images.
        spec: What `index.embed.load_backbone` opens.
        folder: Keeps the embeddings.

    Raises:
        UserError: There is no such backbone.
    """
    if spec == pool.backbone.name:
        return pool
    backbone, trained = load_backbone(spec), pool.config.data.trained
    if spec == SUPERVISED and trained is not None:  # the pool's own oracle, not the demo's
        network = supervised(trained / "oracle.safetensors")
        backbone = ModuleBackbone(spec, Network(network, lambda images: images, "none"), "cpu")
    name = spec.replace(":", "-").replace("/", "-")
    key = f"{pool.digest} {backbone.fingerprint()}"
    arrays = cached(folder / f"seen-by-{name}.npz", key, partial(_embedded, backbone, pool))
    swept = replace(pool.swept, embeddings=arrays["swept"])
    return replace(pool, embeddings=arrays["real"], swept=swept, backbone=backbone)


def _embedded(backbone: Backbone, pool: Pool) -> dict[str, np.ndarray]:
    axes = pool.swept.images.shape[:3]
    swept = backbone(pool.swept.images.flatten(0, 2))
    return {"real": backbone(pool.images), "swept": swept.reshape(*axes, -1)}
