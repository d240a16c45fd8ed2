"""Classifiers that were trained on the demo's real scenes only, to judge generated ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from torch import Tensor
from torch.nn import functional as F

from index.demo import CLASSES, Scenes, load_oracle
from index.embed import load_backbone

Floats = npt.NDArray[np.float64]


Classifier = Callable[[Tensor], Floats]
"""Maps images ``(N, 3, 64, 64)`` uint8 to the probability of each of `NAMES`, ``(N, C)``."""


NAMES = tuple(sorted(CLASSES))  # in the order of ImageFolder


FEW, ORACLE = "few real images", "oracle"
"""The judge, and who says which images are right."""

SEED = 2**19  # apart from training, held-out and demo-bank scenes


@dataclass(frozen=True)
class Judge:
    """A classifier, and how it does on real scenes.

    Attributes:
        classify: The classifier.
        confusion: Share of held-out real scenes of each class, by row, that are predicted as each
            class, by column, ``(C, C)``.
    """

    classify: Classifier
    confusion: Floats

    @property
    def accuracy(self) -> float:
        """Share of held-out real scenes that are predicted correctly, in [0, 1]."""
        return float(np.diag(self.confusion).mean())


def make_judges(real_per_class: int, held_out_per_class: int = 100) -> dict[str, Judge]:
    """Train a classifier on few real scenes, open the oracle, and measure both."""
    real = Scenes(real_per_class, NAMES, SEED + 2)
    backbone, oracle = load_backbone("demo"), load_oracle()
    features = backbone(real.pixels(slice(None))).astype(np.float64)
    head = LogisticRegression(C=1.0, max_iter=2000).fit(features, real.targets)
    order = [CLASSES.index(name) for name in NAMES]

    def by_oracle(images: Tensor) -> Floats:
        with torch.inference_mode():
            parts = [oracle(b.float() / 255) for b in torch.split(images, 256)]
        shares: Floats = F.softmax(torch.cat(parts).double(), 1)[:, order].numpy()
        return shares

    def by_few(images: Tensor) -> Floats:
        shares: Floats = head.predict_proba(backbone(images).astype(np.float64))
        return shares

    held_out = Scenes(held_out_per_class, NAMES, SEED + 3)
    pixels = held_out.pixels(slice(None))
    classifiers: dict[str, Classifier] = {FEW: by_few, ORACLE: by_oracle}
    return {
        name: Judge(
            classify,
            confusion_matrix(
                held_out.targets,
                classify(pixels).argmax(1),
                labels=np.arange(len(NAMES)),
                normalize="true",
            ),
        )
        for name, classify in classifiers.items()
    }
