"""The recipe: baseline, confusion, banks, arms, figures. Each step continues where it stopped."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils.data import ConcatDataset

from benchmarks.datasets import LabelledSet
from benchmarks.measure import environment, without_nan
from benchmarks.training import ImageDataset, TrainingConfig, group_scores, predict, train
from genie_transforms import Bank, GeNIeTransform
from genie_transforms.format import write_json

from .arms import ARMS, Arm, banks_of
from .banks import Confusion, build_banks, label_precision
from .config import LongTailConfig
from .data import Integers, LongTail, open_long_tail, open_pool
from .images import Negatives, RealImages, augmentation, plain, repeated
from .report import report, show


@dataclass(frozen=True)
class Seed:
    """What the arms of a seed share.

    Attributes:
        config: The experiment.
        tail: Its training and test images.
        folder: Of everything that the seed makes.
        number: The seed.
        banks: Folders of its banks, by name.
    """

    config: LongTailConfig
    tail: LongTail
    folder: Path
    number: int
    banks: dict[str, Path]

    def training(self, arm: Arm) -> TrainingConfig:
        """Return how an arm is trained."""
        sampler = "class-balanced" if arm.mode == "in-loop" else self.config.training.sampler
        return replace(self.config.training, seed=self.number, sampler=sampler, mix=arm.mix)

    def real(self, rows: Integers, change: GeNIeTransform | None = None) -> RealImages:
        """Return real images of the pool, augmented."""
        size = self.config.size
        return RealImages(self.tail.pool, rows, size, augmentation(size), change)


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
    if arm.images in ("own", "real"):
        among = tail.rows if arm.images == "own" else tail.generator_rows
        places = repeated(tail.pool.labels[among], tail.few, config.per_class, seed.number)
        more: RealImages | Negatives = seed.real(among[places])
    else:
        bank = Bank.open(seed.banks[arm.images], **({} if arm.keep else {"keep": None}))
        size = config.size
        more = Negatives(bank, tail.pool.classes, arm, size, augmentation(size))
    return ConcatDataset([real, more]), np.concatenate([real.labels, more.labels])


def _in_loop(seed: Seed, arm: Arm) -> GeNIeTransform:
    bank = Bank.open(seed.banks[arm.images], keep=None)
    with warnings.catch_warnings():
        # That the other classes have no negatives is what the arm is.
        warnings.filterwarnings("ignore", ".*have no rows with this target")
        return GeNIeTransform(
            bank,
            seed.config.probability,
            classes=seed.tail.pool.classes,
            label="soft" if arm.soft else "hard",
        )


def train_arm(seed: Seed, name: str) -> nn.Module:
    """Train an arm, or return it trained."""
    arm = ARMS[name]
    images, labels = training_images(seed, arm)
    folder = seed.folder / "arms" / name
    return train(seed.training(arm), images, labels, seed.tail.num_classes, folder)


def confusion_of(network: nn.Module, tail: LongTail, size: int) -> Confusion:
    """Return the mean probabilities of each class's training images, ``(C, C)`` float64."""
    probabilities, labels = predict(network, RealImages(tail.pool, tail.rows, size, plain()))
    rows = [probabilities[labels == label].mean(0) for label in range(tail.num_classes)]
    return np.stack(rows).astype(np.float64)


def evaluate(seed: Seed, name: str, network: nn.Module) -> dict[str, Any]:
    """Return an arm's figures on the test images, and keep which of them it got right."""
    tail = seed.tail
    test = RealImages(tail.test, np.arange(len(tail.test)), seed.config.size, plain())
    probabilities, labels = predict(network, test)
    scores = group_scores(probabilities, labels, tail.counts, seed.config.group_rule)
    losses = _curve(seed.folder / "arms" / name)
    right: npt.NDArray[np.bool_] = probabilities.argmax(1) == labels
    np.save(seed.folder / "arms" / name / "right.npy", right)
    arm = ARMS[name]
    precision = None
    if arm.images in seed.banks:
        bank = Bank.open(seed.banks[arm.images], **({} if arm.keep else {"keep": None}))
        precision = label_precision(bank, arm, seed.config, tail.pool.classes)
    about = {"arm": name, "mode": arm.mode, "seed": seed.number, "oracle": precision}
    return {**about, **scores, "loss_curve": losses}


def _curve(folder: Path, points: int = 20) -> list[float]:
    """Return the training's losses as means of at most 20 stretches of steps."""
    losses = torch.load(folder / "checkpoint.pt", weights_only=True)["losses"]
    parts = np.array_split(np.array(losses), min(points, len(losses)))
    return [round(float(part.mean()), 4) for part in parts]


def run_seed(
    config: LongTailConfig, pool: LabelledSet, test: LabelledSet, number: int
) -> list[dict[str, Any]]:
    """Run every arm of a seed; those whose figures are there are not run again."""
    folder = config.work / f"seed-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    tail = open_long_tail(config, pool, test, number)
    seed = Seed(config, tail, folder, number, {})
    wanted = banks_of(config.arms)
    if wanted:
        baseline = train_arm(seed, "none")
        confusion = confusion_of(baseline, tail, config.size)
        seed = replace(seed, banks=build_banks(wanted, config, tail, folder, number, confusion))
    figures = []
    for name in config.arms:
        path = folder / "arms" / name / "figures.json"
        if not path.exists():
            write_json(path, without_nan(evaluate(seed, name, train_arm(seed, name))))
        figures.append(json.loads(path.read_text()))
    return figures


def main(config: LongTailConfig) -> dict[str, Any]:
    """Run every seed, print the table, write figures and plot."""
    config = config.scaled_down()
    pool, test = open_pool(config)
    figures = []
    for number in config.seeds:
        figures += run_seed(config, pool, test, number)
        print(f"seed {number}: {len(config.arms)} arms", flush=True)
    result = report(config, figures, pool, test)
    show(result, config)
    if config.json:
        write_json(config.json, {**without_nan(result), **environment()})
    return result
