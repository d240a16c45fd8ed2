"""Which background does an image have? A network that learned it from unbiased scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.long_tail import RealImages, augmentation, plain
from benchmarks.training import TrainingConfig, predict, train
from genie_transforms import Bank

from .config import ARMS, TIED, ConfoundedConfig
from .scenes import NAMES, judge_scenes, own_backgrounds

_PER_CLASS = 300
"""Scenes of each class that it learns from."""


def backgrounds(config: ConfoundedConfig) -> dict[str, Any]:
    """Return on which backgrounds the negatives of every bank are, as shares, over all seeds.

    Returns:
        `shares`, by bank: `own`, the background of the negative's class; `others`, that of another
        class. The rest are on backgrounds that no class has. `judge_accuracy`, of the network that
        names them, on scenes that it has not seen.
    """
    names = dict.fromkeys(ARMS[name].images for name in config.arms)
    paths = {name: f"banks/{name}" for name in names if name not in ("", "own", "real")}
    paths |= {TIED: "tied/banks/txt2img"} if TIED in paths else {}
    judge, accuracy = _train_judge(config, config.work / "judge")
    found = {
        name: [
            _shares(judge, Bank.open(config.work / f"seed-{seed}" / path, keep=None), config, seed)
            for seed in config.seeds
        ]
        for name, path in paths.items()
    }
    shares = {
        name: dict(zip(("own", "others"), np.mean(values, 0).tolist(), strict=True))
        for name, values in found.items()
    }
    return {"shares": shares, "judge_accuracy": accuracy}


def _train_judge(config: ConfoundedConfig, folder: Path) -> tuple[nn.Module, float]:
    """Return the network, from images to `NUM_BACKGROUNDS` logits, and its held-out accuracy."""
    common = config.long_tail()
    steps = config.judge_steps
    settings = TrainingConfig(
        model_settings=("stem_stride=2",), num_steps=steps, warmup_steps=steps // 10,
        batch_size=64, device=config.training.device,
    )  # fmt: skip
    scenes, held_out = judge_scenes(_PER_CLASS)
    images = RealImages(scenes, np.arange(len(scenes)), augmentation(common))
    judge = train(settings, images, images.labels, len(scenes.classes), folder)
    unseen = RealImages(held_out, np.arange(len(held_out)), plain(common))
    probabilities, truth = predict(judge, unseen)
    return judge, float((probabilities.argmax(1) == truth).mean())


@torch.inference_mode()
def _shares(
    judge: nn.Module, bank: Bank, config: ConfoundedConfig, seed: int
) -> tuple[float, float]:
    """Return the shares of a bank's negatives on their class's background, and on another's."""
    own, look = own_backgrounds(seed), plain(config.long_tail())
    pixels = torch.stack([look(bank.image(row)) for row in range(len(bank))])
    device = next(judge.parameters()).device
    seen = torch.cat([judge(part.to(device)).argmax(1).cpu() for part in torch.split(pixels, 256)])
    classes = torch.tensor([NAMES.index(name) for name in bank.class_names])
    is_own = seen == own[classes[torch.from_numpy(np.asarray(bank.labels))]]
    is_other = torch.isin(seen, own) & ~is_own
    return float(is_own.double().mean()), float(is_other.double().mean())
