"""Random banks, datasets, wrappers, kinds of labels and settings, and what has to come of them.

Everything of a case is drawn from its number. Images say their class by their colour (see
`tests.coded`), so that what comes out is compared with its labels without asking the bank.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import ClassLabel, Features
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset, random_split
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from genie_transforms import Bank, GeNIeTransform, UnsupportedSampleError, UserError, WithTransforms
from tests.coded import POOL, STEP, coded_image, write_coded_bank

SIZE = 4
BATCH = 512


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
    transform = make_transform(world, bank)
    kind = str(rng.choice(list(LABELS)))

    def one(index: int, photos: Photos = Photos(world)) -> Any:  # noqa: B008
        image, label = photos[index]
        return transform((image, LABELS[kind](label, world.names)))

    due = UnsupportedSampleError if kind.startswith("one-hot") else None
    return due, lambda: one_by_one(Photos(world), one)


def alone(world: World, bank: Bank, rng: np.random.Generator) -> Made:
    """Draw images without their labels, as `ImageFolder(transform=)` does; the labels stay."""
    transform, photos = make_transform(world, bank), Photos(world)
    due = UnsupportedSampleError if world.soft or world.replace == "source" else None
    return due, lambda: one_by_one(photos, lambda i: (transform(photos[i][0]), photos.targets[i]))


def wrapped(world: World, bank: Bank, rng: np.random.Generator) -> Made:
    """Draw from `WithTransforms` over wrapped datasets, whose classes need not be given."""
    world = World(**{**vars(world), "named": bool(rng.random() < 0.6)})
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
