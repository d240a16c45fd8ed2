"""Real and generated images as datasets of tensors, augmented alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from timm.data import create_transform
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode, v2

from benchmarks.datasets import LabelledSet
from genie_transforms import Bank, UserError
from index.generate import select
from index.sources import fit_to

from .arms import Arm
from .config import LongTailConfig
from .data import Integers

Transform = Callable[[Image.Image], Tensor]
"""From an RGB image to float32 ``(3, size, size)``."""

SMALL = 64
"""Up to this size images are cropped after padding, as for CIFAR; larger ones at random areas."""

STATISTICS = {
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "imagenet-lt": ((0.480, 0.458, 0.408), (0.279, 0.271, 0.286)),
    "clip": ((0.4815, 0.4578, 0.4082), (0.2686, 0.2613, 0.2758)),
}
"""Mean and deviation of each channel in [0, 1]; LiVT has those of ImageNet-LT."""


def augmentation(config: LongTailConfig) -> Transform:
    """Return what training images go through; see `LongTailConfig.augment`."""
    size = config.size
    mean, deviation = STATISTICS[config.statistics]
    if config.augment == "randaugment":
        transform: v2.Compose = create_transform(
            size, is_training=True, auto_augment="rand-m9-mstd0.5-inc1", color_jitter=None,
            interpolation="bicubic", re_prob=0.25, re_mode="pixel", mean=mean, std=deviation,
        )  # fmt: skip
        return _keeping_a_bit(transform)
    crop = (
        [_Fit(size), v2.RandomCrop(size, padding=max(1, size // 8))]
        if size <= SMALL
        else [v2.PILToTensor(), v2.RandomResizedCrop(size, antialias=True)]
    )
    jitter = [v2.ColorJitter(0.4, 0.4, 0.4)] if config.augment == "jitter" else []
    steps = [*crop, v2.RandomHorizontalFlip(), *jitter, *_normalised(config)]
    composed: Transform = v2.Compose(steps)
    return composed


def _keeping_a_bit(transform: v2.Compose) -> Transform:
    """Let no image be posterized to 0 bits: once a black one, which Pillow now refuses."""
    for step in transform.transforms:
        for op in getattr(step, "ops", []):
            if op.name.startswith("Posterize"):
                op.level_fn = partial(_at_least_one, op.level_fn)
    kept: Transform = transform
    return kept


def _at_least_one(level: Callable[..., tuple[int]], *arguments: Any) -> tuple[int]:
    return (max(1, level(*arguments)[0]),)


def plain(config: LongTailConfig) -> Transform:
    """Return what test images go through: large ones keep the middle 7/8, as is usual."""
    size = config.size
    fit: list[Any] = [_Fit(size)]
    if size > SMALL:
        bicubic = InterpolationMode.BICUBIC
        fit = [v2.Resize(size * 8 // 7, bicubic), v2.CenterCrop(size), v2.PILToTensor()]
    composed: Transform = v2.Compose([*fit, *_normalised(config)])
    return composed


def _normalised(config: LongTailConfig) -> list[Any]:
    mean, deviation = STATISTICS[config.statistics]
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(deviation))]


class _Fit:
    """`fit_to` as a transform, which worker processes can be sent."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, image: Image.Image) -> Tensor:
        return fit_to(image, self.size)


class RealImages(Dataset[tuple[Tensor, Any]]):
    """Some images of a labelled set.

    Args:
        data: The set.
        rows: Rows of it; the same one may stand there often.
        transform: What images go through.
        replace: From (PIL image, label) to the same, before that: `GeNIeTransform`, which may make
            the label soft.
    """

    def __init__(
        self,
        data: LabelledSet,
        rows: Integers,
        transform: Transform,
        replace: Callable[..., Any] | None = None,
    ) -> None:
        self.data, self.rows, self.transform, self.replace = data, rows, transform, replace

    @property
    def labels(self) -> Integers:
        """Labels, ``(N,)`` int64."""
        return self.data.labels[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        image, label = self.data[int(self.rows[index])]
        shown, replaced = (image, label) if self.replace is None else self.replace(image, label)
        return self.transform(shown), replaced


class Negatives(Dataset[tuple[Tensor, int]]):
    """The negatives of a bank, each at its own r* or at another noise ratio of its sweep.

    Args:
        bank: The bank; with its sweeps, unless `arm` takes its own choice.
        classes: Names of the classes in the order of the labels.
        arm: Which image of each sweep.
        transform: What images go through.

    Raises:
        UserError: The bank has a class that is none of these, or no image at the noise ratio.
    """

    def __init__(self, bank: Bank, classes: list[str], arm: Arm, transform: Transform) -> None:
        unknown = sorted(set(bank.class_names) - set(classes))
        if unknown:
            raise UserError(f"{bank.path} has classes that the images have not: {unknown[:3]}")
        self.bank, self.transform = bank, transform
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
        return self.transform(self.image(index)), int(self.labels[index])


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
    gaps = [np.abs(np.array(row.noise_ratios) - wanted) for row in rows]
    if any(gap.min() > 0.02 for gap in gaps):
        raise UserError(f"{bank.path} has sweeps without r = {wanted}, such as its first")
    return np.array([int(gap.argmin()) for gap in gaps])


def at_most(labels: Integers, classes: Integers, per_class: int, seed: int) -> Integers:
    """Return positions of up to `per_class` images of each class, drawn by the seed."""
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(np.flatnonzero(labels == label))[:per_class] for label in classes]
    found: Integers = np.concatenate([np.zeros(0, dtype=np.int64), *drawn])
    return found
