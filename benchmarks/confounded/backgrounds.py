"""Of which colour is an image's background? Read off its border, which no object reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import rgb_to_hsv

from genie_transforms import Bank
from index.demo import COLORS, TEXTURES

from .config import ARMS, TIED, ConfoundedConfig
from .scenes import NAMES, any_scenes, own_backgrounds

_BORDER = 2
"""Pixels: scenes keep their objects further from the edge than that."""


def backgrounds(config: ConfoundedConfig) -> dict[str, Any]:
    """Return the share of every bank's negatives on the own background colour of their class.

    Textures are not looked at. By chance it is one in eight; in training images it is the bias,
    and a little more.

    Returns:
        `own_color`, by bank, over all seeds; `accuracy`, how often the colour that is read off an
        unbiased scene is the right one.
    """
    names = dict.fromkeys(ARMS[name].images for name in config.arms)
    paths = {name: f"banks/{name}" for name in names if name not in ("", "own", "real", *TIED)}
    paths |= {name: f"tied/banks/{TIED[name]}" for name in names if name in TIED}
    found = {
        name: float(np.mean([_own_color(config, path, seed) for seed in config.seeds]))
        for name, path in paths.items()
    }
    images, truth = any_scenes(20)
    right = [seen == true for seen, true in zip(map(ground_color, images), truth, strict=True)]
    return {"own_color": found, "accuracy": float(np.mean(right))}


def _own_color(config: ConfoundedConfig, path: str, seed: int) -> float:
    bank = Bank.open(config.work / f"seed-{seed}" / path, keep=None)
    own = own_backgrounds(seed) // len(TEXTURES)
    wanted = [int(own[NAMES.index(bank.class_names[label])]) for label in bank.labels]
    seen = [ground_color(np.asarray(bank.image(row))) for row in range(len(bank))]
    return float(np.mean(np.array(seen) == wanted))


def ground_color(image: npt.NDArray[np.uint8]) -> int:
    """Return the colour of a background, an index into `COLORS`: the one of the nearest hue.

    Args:
        image: ``(H, W, 3)`` uint8.
    """
    inside = (slice(_BORDER, -_BORDER),) * 2
    border = np.ones(image.shape[:2], dtype=bool)
    border[inside] = False
    hue, saturation, value = rgb_to_hsv(image[border] / 255).T
    mean = np.sum(saturation * value * np.exp(2j * np.pi * hue))  # hues lie on a circle
    hues = np.exp(2j * np.pi * np.array([color[0] for color in COLORS.values()]))
    return int(np.argmax((mean * hues.conj()).real))
