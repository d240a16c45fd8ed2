"""Small painted images in folders with splits, and a pipeline that learns from them in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.small_pipeline.config import SmallPipelineConfig

COLORS = {"bag": 40, "coat": 100, "rain_boot": 160, "shirt": 220}
"""Red of each class; green and blue are noise, so that no two images are alike."""

LARGEST, IMBALANCE = 60, 27.0
"""Of long tails: 60, 20, 7 and 2 images, so that two of the four classes are Few."""


def write_painted(root: Path, train: int = 2 * LARGEST, test: int = 4) -> Path:
    """Write ROOT/train/CLASS and ROOT/test/CLASS, images of 32 x 32, and return the root."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for name, red in COLORS.items():
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                pixels[..., 0] = red
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def tiny_pipeline(root: Path, folder: Path, **changes: Any) -> SmallPipelineConfig:
    """Return the shortest training on painted images, with its results and checkpoints apart."""
    return SmallPipelineConfig(
        data="folder", root=root, out=folder, work=folder.with_name(f"train-{folder.name}"),
        vae_steps=11, decoder_steps=11, unet_steps=11, classes_steps=0, oracle_steps=11,
        held_out=8, **changes,
    )  # fmt: skip
