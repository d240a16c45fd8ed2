"""A random bank, a dataset with classes of its own and settings, and what has to come of them.

Images say their class by their colour (see `tests.coded`), so that what comes out is compared with
its labels without asking the bank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import ClassLabel, Features
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional

from tests.coded import POOL, STEP, coded_image

SIZE = 4


@dataclass(frozen=True)
class Portion:
    """Some samples before and after the transform.

    Attributes:
        before: Colours of the images, ``(N, 3)`` in [0, 255].
        after: The same of what came back.
        labels: The labels that came back.
    """

    before: np.ndarray
    after: np.ndarray
    labels: Any


@dataclass(frozen=True)
class World:
    """What a case draws: a bank, a dataset with classes of its own, and settings.

    Attributes:
        bank_names: The bank's classes, in its order.
        names: The dataset's.
        sources: Class of each image that the bank knows.
        pairs: Source, target and whether it is on target, for each row of the bank.
        photos: Class and number of each image of the dataset; the bank does not know all of them.
        says: How the dataset tells its classes.
        replace: As the transform has it.
        soft: Whether labels are soft.
        p: Probability of replacement.
        named: Whether the transform is given the dataset's classes.
    """

    bank_names: list[str]
    names: list[str]
    sources: list[str]
    pairs: list[tuple[int, str, bool]]
    photos: list[tuple[str, int]]
    says: str
    replace: Any
    soft: bool
    p: float
    named: bool


def draw_world(rng: np.random.Generator) -> World:
    """Draw the world of a case."""
    order = rng.permutation(POOL)[: rng.integers(2, 7)].tolist()
    sources = rng.choice(order, rng.integers(2, 12)).tolist()
    pairs = [
        (source, name, bool(rng.random() < 0.8))
        for source, own in enumerate(sources)
        for name in order
        if name != own and rng.random() < 0.8
    ]
    kind = rng.choice(["same", "permuted", "more", "fewer"])
    names = order if kind == "same" else rng.permutation(order).tolist()
    if kind == "more":
        others = [name for name in POOL if name not in order]
        names = rng.permutation([*order, *others[: rng.integers(1, 4)]]).tolist()
    elif kind == "fewer":
        names = rng.permutation(names)[: rng.integers(1, len(names) + 1)].tolist()
    known = [(name, number) for number, name in enumerate(sources) if name in names]
    new = [(str(rng.choice(names)), len(sources) + number) for number in range(3)]
    return World(
        bank_names=order,
        names=names,
        sources=sources,
        pairs=pairs,
        photos=known + new,
        says=str(rng.choice(["classes", "class_to_idx", "features"])),
        replace=str(rng.choice(["target", "source"], p=[0.7, 0.3])),
        soft=bool(rng.random() < 0.2),
        p=float(rng.choice([0.3, 0.7, 1.0])),
        # Where nothing looks at the dataset, numbers are all there is: then they have to agree.
        named=bool(names != order or rng.random() < 0.5),
    )


class Photos(Dataset[Any]):
    """The dataset of a world; labels are positions in its classes."""

    def __init__(self, world: World) -> None:
        self.photos = world.photos
        self.targets = [world.names.index(name) for name, _ in world.photos]
        if world.says == "classes":
            self.classes = list(world.names)
        elif world.says == "class_to_idx":
            self.class_to_idx = {name: number for number, name in enumerate(world.names)}
        else:
            self.features = Features(label=ClassLabel(names=world.names))

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return coded_image(*self.photos[index], SIZE), self.targets[index]


def colours_of(images: Sequence[Image.Image] | torch.Tensor) -> np.ndarray:
    """Read the one colour of each image, ``(N, 3)`` in [0, 255]."""
    if not isinstance(images, torch.Tensor):
        images = torch.stack([functional.pil_to_tensor(image) for image in images])
    pixels = images * 255 if images.is_floating_point() else images
    assert (pixels == pixels[:, :, :1, :1]).all()
    return pixels[:, :, 0, 0].round().numpy().astype(int)


def check(world: World, portion: Portion) -> int:
    """Compare what came back with its labels; returns how many became negatives."""
    classes = {name: number for number, name in enumerate(POOL)}
    own, shown = portion.before[:, 0] // STEP - 1, portion.after[:, 0] // STEP - 1
    negative = portion.after[:, 2] == 255
    assert (portion.before[~negative] == portion.after[~negative]).all()
    rows = portion.after[negative, 1]
    made_from = np.array([source for source, _, _ in world.pairs], dtype=int)[rows]
    targets = np.array([classes[target] for _, target, _ in world.pairs], dtype=int)[rows]
    assert np.array([on_target for *_, on_target in world.pairs], dtype=bool)[rows].all()
    assert (targets == shown[negative]).all()
    if world.replace == "target":
        assert (shown == own).all(), "a negative of another class"
    else:
        assert (made_from == portion.before[negative, 1]).all(), "made from another image"
    numbers = np.full(len(POOL), -1)
    numbers[[classes[name] for name in world.names]] = range(len(world.names))
    assert (numbers[shown] >= 0).all(), "a class that the dataset lacks"
    if not world.soft:
        labels = [world.names.index(y) if isinstance(y, str) else int(y) for y in portion.labels]
        assert (np.array(labels) == numbers[shown]).all(), "a label of another class"
        return int(negative.sum())
    expected = np.eye(len(world.names))[numbers[shown]]
    sources = np.array([classes[name] for name in world.sources])[made_from]
    expected[negative] *= 0.6  # the projection of every row
    expected[np.flatnonzero(negative), numbers[sources]] += 0.4
    given = np.stack([np.asarray(label) for label in portion.labels])
    assert np.allclose(given, expected), "a soft label of other classes"
    return int(negative.sum())
