"""A seed: its images, its banks, and what each arm of it trains on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import ConcatDataset, Subset

from benchmarks.datasets import repeated
from benchmarks.training import ImageDataset, TrainingConfig
from genie_transforms import Bank, GeNIeTransform

from .arms import Arm
from .config import LongTailConfig
from .data import Integers, LongTail
from .images import Negatives, RealImages, Transform, at_most, augmentation


@dataclass(frozen=True)
class Seed:
    """What the arms of a seed share.

    Attributes:
        config: The experiment.
        tail: Its training and test images.
        folder: Of everything that the seed makes.
        number: The seed.
        banks: Folders of its banks, by name.
        transform: What images go through in place of `augmentation` and `plain`.
    """

    config: LongTailConfig
    tail: LongTail
    folder: Path
    number: int
    banks: dict[str, Path]
    transform: Transform | None = None

    def training(self, arm: Arm) -> TrainingConfig:
        """Return how an arm is trained: epochs are of the real images, for all arms alike."""
        common = self.config.training.in_steps(len(self.tail.rows))
        sampler = "class-balanced" if arm.mode == "in-loop" else common.sampler
        mix = common.mix if arm.mix == "none" else arm.mix
        return replace(common, seed=self.number, sampler=sampler, mix=mix)

    def real(self, rows: Integers, change: GeNIeTransform | None = None) -> RealImages:
        """Return real images of the pool, augmented."""
        transform = self.transform or augmentation(self.config)
        return RealImages(self.tail.pool, rows, transform, change)

    def negatives(self, arm: Arm) -> Negatives:
        """Return what an arm's bank holds, augmented."""
        bank = Bank.open(self.banks[arm.images], **({} if arm.keep else {"keep": None}))
        transform = self.transform or augmentation(self.config)
        return Negatives(bank, self.tail.pool.classes, arm, transform)


def training_images(seed: Seed, arm: Arm) -> tuple[ImageDataset, Integers]:
    """Return what an arm trains on, and the labels by which it is sampled."""
    config, tail = seed.config, seed.tail
    if arm.mode == "in-loop":
        change = None
        if arm.images:
            change = _in_loop(seed, arm)
        images = seed.real(tail.rows, change)
        return images, images.labels
    real = seed.real(tail.rows)
    if not arm.images:
        return real, real.labels
    if arm.images == "real":
        among = tail.generator_rows
        places = repeated(tail.pool.labels[among], tail.few, config.per_class, seed.number)
        more = seed.real(among[places])
        return ConcatDataset([real, more]), np.concatenate([real.labels, more.labels])
    parts: list[Any] = [real]
    labels = [real.labels]
    if arm.images != "own":
        negatives = seed.negatives(arm)
        rows = appended(seed, negatives.labels, arm)
        parts.append(Subset(negatives, rows.tolist()))
        labels.append(negatives.labels[rows])
    own = seed.real(tail.rows[lacking(seed, labels[1:])])
    return ConcatDataset([*parts, own]), np.concatenate([*labels, own.labels])


def appended(seed: Seed, labels: Integers, arm: Arm) -> Integers:
    """Return which of a bank's negatives an arm appends, given the label of each."""
    few, per_class = seed.tail.few, seed.config.per_class
    rows = at_most(labels, few, arm.distinct or per_class, seed.number)
    if arm.distinct:
        rows = rows[repeated(labels[rows], few, per_class, seed.number)]
    return rows


def lacking(seed: Seed, added: list[Integers]) -> Integers:
    """Return the classes' own images that make up for negatives that a bank has not.

    Without them an arm would see its Few classes less often than the others, and what it gained
    or lost by that would be taken for what its images are worth.
    """
    tail = seed.tail
    given = np.bincount(np.concatenate([np.zeros(0, np.int64), *added]), minlength=tail.num_classes)
    wanted = seed.config.per_class - given[tail.few]
    return repeated(tail.labels, tail.few, wanted, seed.number)


def _in_loop(seed: Seed, arm: Arm) -> GeNIeTransform:
    bank = Bank.open(seed.banks[arm.images], keep=None)
    with warnings.catch_warnings():
        # That the other classes have no negatives is what the arm is.
        warnings.filterwarnings("ignore", ".*have no rows with this target")
        return GeNIeTransform(
            bank,
            arm.probability or seed.config.probability,
            classes=seed.tail.pool.classes,
            label="soft" if arm.soft else "hard",
        )
