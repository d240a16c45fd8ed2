"""Which background does an image have? A network that learned it from unbiased scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.long_tail import RealImages, augmentation, plain
from benchmarks.training import predict, train
from genie_transforms import Bank

from .config import ConfoundedConfig
from .scenes import judge_scenes

_PER_CLASS = 300
"""Scenes of each class that it learns from."""


def train_judge(config: ConfoundedConfig, folder: Path) -> tuple[nn.Module, float]:
    """Return the network, from images to `NUM_BACKGROUNDS` logits, and its held-out accuracy."""
    common = config.long_tail()
    steps = config.judge_steps
    settings = replace(
        config.training, num_steps=steps, warmup_steps=steps // 10, loss="cross-entropy", seed=0
    )
    scenes, held_out = judge_scenes(_PER_CLASS)
    images = RealImages(scenes, np.arange(len(scenes)), augmentation(common))
    judge = train(settings, images, images.labels, len(scenes.classes), folder)
    unseen = RealImages(held_out, np.arange(len(held_out)), plain(common))
    probabilities, truth = predict(judge, unseen)
    return judge, float((probabilities.argmax(1) == truth).mean())


@torch.inference_mode()
def background_shares(
    judge: nn.Module, bank: Bank, config: ConfoundedConfig, classes: list[str], own: Tensor
) -> dict[str, float]:
    """Return on which backgrounds a bank's negatives are, as shares.

    Args:
        judge: Names backgrounds.
        bank: The negatives, as their arm takes them.
        config: The experiment.
        classes: Names of the classes in the order of `own`.
        own: The background of each class, ``(C,)`` int64.

    Returns:
        `own`, that of the negative's label; `others`, that of another class. The rest are on
        backgrounds that no class has.
    """
    look = plain(config.long_tail())
    pixels = torch.stack([look(bank.image(row)) for row in range(len(bank))])
    device = next(judge.parameters()).device
    seen = torch.cat([judge(part.to(device)).argmax(1).cpu() for part in pixels.split(256)])
    labels = torch.tensor([classes.index(bank.class_names[label]) for label in bank.labels])
    is_own = seen == own[labels]
    is_other = torch.isin(seen, own) & ~is_own
    return {"own": float(is_own.double().mean()), "others": float(is_other.double().mean())}
