"""Random banks, datasets, class orders, wrappers and label kinds: no false label, or an error.

`check_draws(10**6, seed=0)` is the long version.
"""

from __future__ import annotations

import random
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import ConcatDataset, Subset
from torchvision.transforms.v2 import functional

from genie_transforms import Bank, GeNIeTransform, UserError, WithTransforms
from tests.banks import row, row_of, source_image, write_bank

# Of classes without rows, and of images that no row was made from.
pytestmark = pytest.mark.filterwarnings("ignore:the bank")

SIZE, NUM_SOURCES, NUM_ROWS = 4, 12, 30
NAMES = ["ant", "bee", "cat", "dog", "eel"]
STRANGE = ["fly", "gnu"]  # classes of datasets alone
IMAGES = [source_image(index, SIZE) for index in range(NUM_SOURCES)]
PIXELS = [np.asarray(image) for image in IMAGES]
DRAWS_PER_WORLD = 100


class Photos:
    """Images that the bank may know, under the class numbers of a dataset."""

    def __init__(self, classes: list[str], sources: list[int], names: list[str]) -> None:
        self.classes = classes
        self.sources = sources
        self.targets = [classes.index(name) for name in names]

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return IMAGES[self.sources[index]], self.targets[index]


@dataclass
class World:
    """A bank, a dataset, and what goes between them."""

    bank: Bank
    photos: Photos
    options: dict[str, Any]
    rng: random.Random

    @classmethod
    def draw(cls, rng: random.Random) -> World:
        """Draw a world; the class of source i is i mod C, but some are of no class of the bank."""
        names = NAMES[: rng.randint(2, len(NAMES))]
        rows = [_row(index, len(names), rng) for index in range(rng.randint(1, NUM_ROWS))]
        keep = rng.choice(["on_target", None, "source_label != 'ant'"])
        folder = Path(tempfile.mkdtemp())
        bank = Bank.open(write_bank(folder, rows, class_names=names), keep)
        classes = rng.sample(names, rng.randint(1, len(names))) + rng.sample(STRANGE, 1)
        rng.shuffle(classes)
        known = [i for i in range(NUM_SOURCES - 2) if names[i % len(names)] in classes]
        strange = [NUM_SOURCES - 2, NUM_SOURCES - 1]  # no row was made from these
        own = [names[i % len(names)] for i in known] + [c for c in classes if c in STRANGE] * 2
        options = {
            "p": rng.choice([0.5, 1.0]),
            "replace": rng.choice(["target", "source"]),
            "label": rng.choice(["hard", "soft"]),
            "classes": classes,
        }
        return cls(bank, Photos(classes, known + strange, own), options, rng)

    def transform(self, **changes: Any) -> GeNIeTransform:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return GeNIeTransform(self.bank, **{**self.options, **changes})

    def check(self, index: int, image: Any, label: Any) -> None:
        """Check that a label is true of an image."""
        pixels = _pixels(image)
        before = self.photos.targets[index]
        classes = self.photos.classes
        if (pixels == PIXELS[self.photos.sources[index]]).all():
            shares = {classes[before]: 1.0}
        else:
            negative = next(r for r in self.bank if r.seed == row_of(pixels))
            names = self.bank.class_names
            shares = {names[negative.label]: 1.0}
            if self.options["label"] == "soft":
                shares = {names[negative.source_label]: 0.0, names[negative.label]: 0.0}
                shares[names[negative.source_label]] += 0.4
                shares[names[negative.label]] += 0.6
            if self.options["replace"] == "target":
                assert names[negative.label] == classes[before]
            else:
                assert negative.source_id == f"{self.photos.sources[index]}.png"
        if self.options["label"] == "soft":
            expected = torch.zeros(len(classes))
            for name, share in shares.items():
                expected[classes.index(name)] += share
            assert torch.allclose(label, expected)
        else:
            (name,) = shares
            assert (label if isinstance(label, str) else classes[int(label)]) == name

    def singles(self, transform: GeNIeTransform) -> None:
        """One sample after the other, in every form."""
        for _ in range(DRAWS_PER_WORLD // 2):
            index = self.rng.randrange(len(self.photos))
            image, label = self.photos[index]
            given: Any = self.rng.choice([image, functional.pil_to_tensor(image)])
            kinds: list[Any] = [int, np.int64, torch.tensor, self.photos.classes.__getitem__]
            label = self.rng.choice(kinds)(label)
            if self.rng.random() < 0.5:
                self.check(index, *transform((given, label)))
            else:
                result = transform({"y": 0, "label": label, "image": given})
                self.check(index, result["image"], result["label"])

    def batches(self, transform: GeNIeTransform) -> None:
        """A batch, with its labels in every form."""
        picked = [self.rng.randrange(len(self.photos)) for _ in range(DRAWS_PER_WORLD // 2)]
        planes = [functional.pil_to_tensor(self.photos[index][0]) for index in picked]
        images: Any = torch.stack(planes)
        images = self.rng.choice([images, images / 255])
        labels = [self.photos[index][1] for index in picked]
        names = self.photos.classes
        forms: list[Any] = [torch.tensor, np.array, list, lambda x: [names[i] for i in x]]
        given = self.rng.choice(forms)(labels)
        for index, image, label in zip(picked, *transform((images, given)), strict=True):
            self.check(index, image, label)

    def wrapped(self, transform: GeNIeTransform) -> None:
        """Through a wrapper that finds the classes; a wrong order is an error."""
        part: Any = Subset(self.photos, range(len(self.photos)))
        dataset = self.rng.choice([self.photos, part, ConcatDataset([part])])
        for index in range(len(self.photos)):
            self.check(index, *WithTransforms(dataset, transform)[index])
        if self.photos.classes != self.bank.class_names:
            with pytest.raises(UserError, match="labels would mean other classes"):
                WithTransforms(dataset, self.transform(classes=None))

    def alone(self) -> None:
        """The image alone, whose label stays that of the dataset."""
        if (self.options["replace"], self.options["label"]) == ("target", "hard"):
            transform = self.transform()
            for index in range(len(self.photos)):
                image, label = self.photos[index]
                self.check(index, transform(image), label)


def _row(index: int, num_classes: int, rng: random.Random) -> dict[str, Any]:
    """Draw a row; targets may be the class of the source."""
    source = rng.randrange(NUM_SOURCES - 2)
    target = rng.randrange(num_classes)
    on_target = rng.random() < 0.8
    return row(index, source, source % num_classes, target, SIZE, on_target=on_target)


def _pixels(image: Any) -> np.ndarray:
    """``(H, W, 3)`` uint8 pixels."""
    if isinstance(image, Image.Image):
        return np.asarray(image)
    planes = (image * 255).round().byte() if image.is_floating_point() else image
    return planes.permute(1, 2, 0).numpy()


def check_draws(num_draws: int, seed: int) -> int:
    """Draw worlds until so many samples were seen; return how many were replaced.

    Raises:
        AssertionError: A label is not true of its image.
    """
    rng = random.Random(seed)
    torch.manual_seed(seed)
    seen = replaced = 0
    while seen < num_draws:
        world = World.draw(rng)
        transform = world.transform()
        world.singles(transform)
        world.batches(transform)
        world.wrapped(transform)
        world.alone()
        counters = transform.counters
        seen, replaced = seen + counters.seen, replaced + counters.replaced
    return replaced


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**31))
def test_no_negative_of_another_class(seed: int) -> None:
    check_draws(DRAWS_PER_WORLD, seed)


def test_that_negatives_are_drawn() -> None:
    assert check_draws(1000, seed=0) > 100
