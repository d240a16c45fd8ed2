"""Real and generated images as datasets of tensors, augmented alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from benchmarks.datasets import LabelledSet
from genie_transforms import Bank
from index.generate import select
from index.sources import fit_to

from .arms import Arm
from .data import Integers

Transform = Callable[..., Any]

_SMALL = 64
"""Up to this size images are cropped after padding, as for CIFAR; larger ones at random areas."""


def augmentation(size: int) -> Transform:
    """Return random crop and flip of uint8 ``(3, size, size)``, to float32 of mean 0."""
    crop = (
        v2.RandomCrop(size, padding=max(1, size // 8))
        if size <= _SMALL
        else v2.RandomResizedCrop(size, antialias=True)
    )
    transform: Transform = v2.Compose([crop, v2.RandomHorizontalFlip(), plain()])
    return transform


def plain() -> Transform:
    """Return the conversion of uint8 to float32 in [-1, 1], which tests take alone."""
    centred = v2.Normalize([0.5] * 3, [0.5] * 3)
    transform: Transform = v2.Compose([v2.ToDtype(torch.float32, scale=True), centred])
    return transform


class RealImages(Dataset[tuple[Tensor, Any]]):
    """Some images of a labelled set.

    Args:
        data: The set.
        rows: Rows of it; the same one may stand there often.
        size: Side of the images.
        transform: From uint8 ``(3, size, size)``.
        replace: From (PIL image, label) to the same, before that: `GeNIeTransform`, which may make
            the label soft.
    """

    def __init__(
        self,
        data: LabelledSet,
        rows: Integers,
        size: int,
        transform: Transform,
        replace: Transform | None = None,
    ) -> None:
        self.data, self.rows, self.size = data, rows, size
        self.transform, self.replace = transform, replace

    @property
    def labels(self) -> Integers:
        """Labels, ``(N,)`` int64."""
        return self.data.labels[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        image, label = self.data[int(self.rows[index])]
        if self.replace is None:
            return self.transform(fit_to(image, self.size)), label
        image, replaced = self.replace(image, label)
        return self.transform(fit_to(image, self.size)), replaced


class Negatives(Dataset[tuple[Tensor, int]]):
    """The negatives of a bank, each at its own r* or at another noise ratio of its sweep.

    Args:
        bank: The bank; with its sweeps, unless `arm` takes its own choice.
        classes: Names of the classes in the order of the labels.
        arm: Which image of each sweep.
        size: Side of the images.
        transform: From uint8 ``(3, size, size)``.
    """

    def __init__(
        self, bank: Bank, classes: list[str], arm: Arm, size: int, transform: Transform
    ) -> None:
        self.bank, self.size, self.transform = bank, size, transform
        numbers = [classes.index(name) for name in bank.class_names]
        self.labels: Integers = np.array(numbers, dtype=np.int64)[bank.labels]
        self._places = _places(bank, arm)

    def __len__(self) -> int:
        return len(self.bank)

    def image(self, index: int) -> Image.Image:
        """Return a negative, RGB."""
        place = int(self._places[index])
        return self.bank.image(index) if place < 0 else self.bank.sweep(index)[place]

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(fit_to(self.image(index), self.size)), int(self.labels[index])


def _places(bank: Bank, arm: Arm) -> Integers:
    """Return the place in its sweep of each row's image, ``(N,)`` int64; -1 for its own choice."""
    if not arm.noise_ratio and not arm.rule:
        return np.full(len(bank), -1, dtype=np.int64)
    rows = list(bank)
    if arm.rule:
        return np.array([int(select(np.array([r.projections]), arm.rule)[0]) for r in rows])
    if arm.noise_ratio == "random":
        # By the pair's own seed: the same image whatever else is drawn.
        return np.array([r.seed % len(r.noise_ratios) for r in rows])
    wanted = float(arm.noise_ratio)
    return np.array([int(np.abs(np.array(r.noise_ratios) - wanted).argmin()) for r in rows])


def repeated(labels: Integers, classes: Integers, per_class: int, seed: int) -> Integers:
    """Return `per_class` positions of each of some classes, evenly repeated, in random order.

    Args:
        labels: Labels among which positions are taken, ``(N,)`` int64.
        classes: The classes.
        per_class: Positions of each.
        seed: Decides which ones come once more than others.
    """
    rng = np.random.default_rng(seed)
    taken = []
    for label in classes.tolist():
        rows = rng.permutation(np.flatnonzero(labels == label))
        if not len(rows):
            continue
        taken.append(np.resize(rows, per_class))
    found: Integers = np.concatenate([np.zeros(0, dtype=np.int64), *taken])
    return found
