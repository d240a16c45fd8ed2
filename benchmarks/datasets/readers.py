"""Readers of datasets as they lie on disk: each lists one split below a root."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torchvision import datasets

from genie_transforms import MissingFileError
from index.sources import folder_to_words

from .listing import Listing

SPLITS = ("train", "val", "test")


def read_folder(root: Path, split: str) -> Listing:
    """Read ROOT/SPLIT, or ROOT itself for every split if it is not split."""
    split_up = any((root / part).is_dir() for part in SPLITS)
    folder = root / split if split_up else root
    if not folder.is_dir():
        raise MissingFileError(str(folder))
    found = datasets.ImageFolder(str(folder))
    displays = [folder_to_words(name) for name in found.classes]
    return Listing(found.classes, displays, found.targets, [Path(path) for path, _ in found.imgs])


def read_cub(root: Path, split: str) -> Listing:
    """Read the lists of CUB-200-2011: each line is a number and a value."""
    base = root / "CUB_200_2011"

    def listed(name: str) -> dict[str, str]:
        lines = (base / name).read_text().splitlines()
        return dict(line.split(maxsplit=1) for line in lines if line.strip())

    classes, paths = listed("classes.txt"), listed("images.txt")
    labels, training = listed("image_class_labels.txt"), listed("train_test_split.txt")
    order = list(classes)
    rows = [row for row in paths if (training[row].strip() == "1") == (split == "train")]
    return Listing(
        list(classes.values()),
        [folder_to_words(name.partition(".")[2] or name) for name in classes.values()],
        [order.index(labels[row].strip()) for row in rows],
        [base / "images" / paths[row] for row in rows],
    )


def read_torchvision(make: Callable[..., Any], root: Path, split: str) -> Listing:
    """List one of torchvision's datasets, with a loader that returns paths."""
    dataset = make(root, split=split, loader=Path)  # so that nothing is decoded here
    pairs = [dataset[row] for row in range(len(dataset))]
    return Listing(
        [name.replace("/", "-") for name in dataset.classes],
        [folder_to_words(name) for name in dataset.classes],
        [int(label) for _, label in pairs],
        [path for path, _ in pairs],
    )


def read_aircraft(root: Path, split: str) -> Listing:
    """List FGVC-Aircraft by manufacturer."""
    make = partial(datasets.FGVCAircraft, annotation_level="manufacturer")
    return read_torchvision(make, root, "trainval" if split == "train" else split)


def read_arrays(make: Callable[..., Any], root: Path, split: str) -> Listing:
    """List one of torchvision's datasets that keep images as arrays, gray or coloured."""
    dataset = make(root, train=split == "train")
    pixels = np.asarray(dataset.data)
    if pixels.ndim == 3:
        pixels = np.repeat(pixels[..., None], 3, axis=3)
    return Listing(
        [name.replace("/", "-") for name in dataset.classes],
        [folder_to_words(name.replace("/", " ")) for name in dataset.classes],
        [int(label) for label in dataset.targets],
        list(pixels),
    )
