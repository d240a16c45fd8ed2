"""The ways in which a training draws samples, with wrappers and kinds of labels drawn at random.

Everything of a case is drawn from its number.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Subset, random_split
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from genie_transforms import Bank, GeNIeTransform, UnsupportedSampleError, UserError, WithTransforms
from tests.coded import write_coded_bank

from .world import SIZE, Photos, Portion, World, check, colours_of, draw_world

BATCH = 512

Draw = Callable[[], Portion]
Made = tuple[type[Exception] | None, Callable[[], Draw]]
"""The error that is due, if any, and what makes the function that draws."""

LABELS: dict[str, Callable[[int, list[str]], Any]] = {
    "int": lambda label, names: label,
    "numpy": lambda label, names: np.int64(label),
    "small": lambda label, names: np.uint8(label),
    "tensor": lambda label, names: torch.tensor(label),
    "name": lambda label, names: names[label],
    "one-hot list": lambda label, names: np.eye(len(names))[label].tolist(),
    "one-hot tensor": lambda label, names: torch.eye(len(names))[label],
}

BATCHES: dict[str, Callable[[np.ndarray, list[str]], Any]] = {
    "tensor": lambda labels, names: torch.from_numpy(labels),
    "int32": lambda labels, names: torch.from_numpy(labels).int(),
    "numpy": lambda labels, names: labels,
    "list": lambda labels, names: labels.tolist(),
    "names": lambda labels, names: [names[label] for label in labels],
    "one-hot": lambda labels, names: torch.eye(len(names))[labels],
}

WRAPPERS: dict[str, Callable[[Any, np.random.Generator], Any]] = {
    "itself": lambda photos, rng: photos,
    "Subset": lambda photos, rng: Subset(photos, rng.permutation(len(photos)).tolist()),
    "random_split": lambda photos, rng: random_split(photos, [0.6, 0.4])[0],
    "ConcatDataset": lambda photos, rng: ConcatDataset([photos, Subset(photos, [0])]),
    "WithTransforms": lambda photos, rng: WithTransforms(Subset(photos, [0]), v2.Identity()),
}


def make_transform(world: World, bank: Bank, **options: Any) -> GeNIeTransform:
    """Make the transform of a world, without its warnings of classes that stay."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GeNIeTransform(
            bank,
            world.p,
            classes=world.names if world.named else None,
            replace=world.replace,
            label="soft" if world.soft else "hard",
            **options,
        )


def batches(world: World, bank: Bank, rng: np.random.Generator) -> Made:
    """Draw whole batches, with labels of every kind."""
    transform = make_transform(world, bank, in_place=bool(rng.random() < 0.3))
    kind = str(rng.choice(list(BATCHES)))
    photos = Photos(world)
    images = torch.stack([functional.pil_to_tensor(photos[i][0]) for i in range(len(photos))])
    images = images / 255 if rng.random() < 0.3 else images
    targets = np.array(photos.targets)

    def draw() -> Portion:
        rows = rng.integers(0, len(photos), BATCH)
        batch = images[rows]
        before = colours_of(batch)
        after, labels = transform(batch, BATCHES[kind](targets[rows], world.names))
        return Portion(before, colours_of(after), labels)

    return (UnsupportedSampleError if kind == "one-hot" else None), lambda: draw


def singles(world: World, bank: Bank, rng: np.random.Generator) -> Made:
    """Draw samples one by one, with labels of every kind."""
    transform, photos = make_transform(world, bank), Photos(world)
    kind = str(rng.choice(list(LABELS)))

    def one(index: int) -> Any:
        image, label = photos[index]
        return transform((image, LABELS[kind](label, world.names)))

    due = UnsupportedSampleError if kind.startswith("one-hot") else None
    return due, lambda: one_by_one(photos, one)


def alone(world: World, bank: Bank, rng: np.random.Generator) -> Made:
    """Draw images without their labels, as `ImageFolder(transform=)` does; the labels stay."""
    transform, photos = make_transform(world, bank), Photos(world)
    due = UnsupportedSampleError if world.soft or world.replace == "source" else None
    return due, lambda: one_by_one(photos, lambda i: (transform(photos[i][0]), photos.targets[i]))


def wrapped(world: World, bank: Bank, rng: np.random.Generator) -> Made:
    """Draw from `WithTransforms` over wrapped datasets, whose classes need not be given."""
    world = replace(world, named=bool(rng.random() < 0.6))
    lazy = bool(rng.random() < 0.3)
    size: Any = "stored" if lazy else "match"
    transform = make_transform(world, bank, size=size)
    wrap = "itself" if lazy else str(rng.choice(list(WRAPPERS)))
    dataset = WRAPPERS[wrap](Photos(world), rng)
    other_order = not world.named and world.names != world.bank_names
    due = UserError if other_order or (lazy and world.replace == "source") else None

    def make() -> Draw:
        train = WithTransforms(dataset, transform, lazy=lazy)
        return one_by_one(dataset, train.__getitem__)

    return due, make


def one_by_one(dataset: Any, get: Callable[[int], Any]) -> Draw:
    """Draw every sample of a dataset once."""
    before = colours_of([dataset[index][0] for index in range(len(dataset))])

    def draw() -> Portion:
        images, labels = zip(*(get(index) for index in range(len(dataset))), strict=True)
        return Portion(before, colours_of(images), labels)

    return draw


@dataclass(frozen=True)
class Outcome:
    """What came of a case: how many samples were drawn and replaced, or that it was refused."""

    drawn: int = 0
    replaced: int = 0
    refused: int = 0


def run_case(number: int, folder: Path, num_draws: int) -> Outcome:
    """Run a case: every label is true, or the error that is due is raised before any sample."""
    rng = np.random.default_rng(number)
    torch.manual_seed(number)
    world = draw_world(rng)
    path = write_coded_bank(folder, world.bank_names, world.sources, world.pairs, SIZE)
    bank = Bank.open(path)
    bank = bank.decoded(SIZE) if rng.random() < 0.5 else bank
    way = (batches, singles, alone, wrapped)[rng.choice(4, p=[0.4, 0.2, 0.2, 0.2])]
    due, make = way(world, bank, rng)
    drawn = replaced = 0
    try:
        draw = make()
        # One by one costs more than in batches.
        while drawn < (num_draws if way is batches else num_draws // 8):
            portion = draw()
            assert due is None, f"{due} is due"
            drawn += len(portion.after)
            replaced += check(world, portion)
    except (UserError, UnsupportedSampleError) as error:
        if due is None or not isinstance(error, due):
            raise
        return Outcome(refused=1)
    return Outcome(drawn, replaced)
