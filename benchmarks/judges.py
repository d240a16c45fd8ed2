"""Classifiers of the demo that were trained on real scenes only, to judge generated ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

from index.demo.scenes import CLASSES, Scenes
from index.demo.weights import load_oracle
from index.embed import load_backbone

Floats = npt.NDArray[np.float64]
Judge = Callable[[Tensor], Floats]
"""Maps images ``(N, 3, 64, 64)`` uint8 to the probability of each of `NAMES`, ``(N, C)``."""
NAMES = tuple(sorted(CLASSES))  # in the order of ImageFolder
SEED = 2**19  # apart from training, held-out and demo-bank scenes


def make_judges(real_per_class: int) -> tuple[dict[str, Judge], dict[str, float]]:
    """Train the classifier of few real scenes, open the oracle, and measure both.

    Returns:
        The judges by name, and their accuracies on held-out real scenes.
    """
    real = Scenes(real_per_class, NAMES, SEED + 2)
    backbone, oracle = load_backbone("demo"), load_oracle()
    known = backbone(real.pixels(slice(None))).astype(np.float64)
    head = LogisticRegression(C=1.0, max_iter=2000).fit(known, real.targets)
    order = [CLASSES.index(name) for name in NAMES]

    def of_oracle(images: Tensor) -> Floats:
        with torch.inference_mode():
            parts = [oracle(b.float() / 255) for b in torch.split(images, 256)]
        shares: Floats = F.softmax(torch.cat(parts).double(), 1)[:, order].numpy()
        return shares

    def of_few(images: Tensor) -> Floats:
        shares: Floats = head.predict_proba(backbone(images).astype(np.float64))
        return shares

    judges: dict[str, Judge] = {"few real images": of_few, "oracle": of_oracle}
    held_out = Scenes(40, NAMES, SEED + 3)
    pixels, truth = held_out.pixels(slice(None)), np.array(held_out.targets)
    right = {name: (judge(pixels).argmax(1) == truth).mean() for name, judge in judges.items()}
    return judges, {name: round(float(value), 4) for name, value in right.items()}
