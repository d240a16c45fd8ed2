"""Long-tailed subsets of a dataset, drawn the same by whoever trains on them.

A generator of the closed world learns from exactly the images that a classifier trains on: both
commands draw them here, and can compare what they drew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genie_transforms import MissingFileError, UserError, source_digest

from .registry import LabelledSet

Integers = npt.NDArray[np.int64]


def exponential_sizes(largest: int, imbalance: float, num_classes: int) -> Integers:
    """Return n_k = round(largest * imbalance^(-k / (C - 1))), ``(C,)`` int64 (Cao et al., 2019)."""
    places = np.arange(num_classes) / max(num_classes - 1, 1)
    sizes: Integers = np.round(largest * imbalance**-places).astype(np.int64)
    return sizes


def draw_rows(labels: Integers, candidates: Integers, sizes: Integers, seed: int) -> Integers:
    """Return the training rows of a seed.

    Args:
        labels: Of the whole pool.
        candidates: Rows that may be drawn.
        sizes: Of the classes, largest first; the seed permutes which class is which.
        seed: Seed of both.

    Raises:
        UserError: A class has fewer images than it should get.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sizes))
    drawn = []
    for label, size in zip(order.tolist(), sizes.tolist(), strict=True):
        rows = candidates[labels[candidates] == label]
        if len(rows) < size:
            raise UserError(
                f"class {label} has {len(rows)} images for training, but should get {size}: give "
                "a smaller --largest"
            )
        drawn.append(rng.permutation(rows)[:size])
    found: Integers = np.sort(np.concatenate(drawn))
    return found


def long_tailed_rows(
    data: LabelledSet, candidates: Integers, largest: int, imbalance: float, seed: int
) -> Integers:
    """Return the rows of a seed's long-tailed subset, ascending int64.

    Args:
        data: The whole pool.
        candidates: Rows that may be drawn, such as those of a half.
        largest: Images of the largest class.
        imbalance: Size of the largest class over that of the smallest.
        seed: Decides which class is which, and which images it gets.

    Raises:
        UserError: A class has fewer images than it should get.
    """
    sizes = exponential_sizes(largest, imbalance, len(data.classes))
    return draw_rows(data.labels, candidates, sizes, seed)


def repeated(labels: Integers, classes: Integers, sizes: int | Integers, seed: int) -> Integers:
    """Return positions of some classes, evenly repeated, in random order.

    Args:
        labels: Labels among which positions are taken, ``(N,)`` int64.
        classes: The classes, ``(K,)`` int64.
        sizes: Positions of each, or of all alike.
        seed: Decides which ones come once more than others.

    Raises:
        UserError: A class of which positions are wanted has none.
    """
    rng = np.random.default_rng(seed)
    taken = [np.zeros(0, dtype=np.int64)]
    for label, size in zip(classes.tolist(), np.broadcast_to(sizes, len(classes)), strict=True):
        rows = rng.permutation(np.flatnonzero(labels == label))
        if size and not len(rows):
            raise UserError(f"class {label} has no images that could be repeated")
        taken.append(np.resize(rows, size) if size else rows[:0])
    found: Integers = np.concatenate(taken)
    return found


def listing_digest(data: LabelledSet, rows: Integers) -> str:
    """Return what tells, without decoding, whether a list of images is still the same.

    A file counts by its name, its folder and its size: enough to see that a folder has changed,
    and as fast for a million photographs as to list them. What is in memory counts by its bytes.

    Raises:
        MissingFileError: A file is not there; better now than after hours on the others.
    """
    digest = hashlib.sha256()
    for row in rows.tolist():
        image, label = data.images[row], data.classes[data.targets[row]]
        if isinstance(image, Path):
            if not image.is_file():
                raise MissingFileError(f"no image {image}, which its list names")
            content = f"{image.parent.name}/{image.name} {image.stat().st_size}".encode()
        else:
            raw = image if isinstance(image, bytes) else image.tobytes()
            content = hashlib.sha256(raw).digest()
        digest.update(content + f" {label}\n".encode())
    return digest.hexdigest()[:16]


def images_digest(data: LabelledSet, rows: Integers) -> str:
    """Return what tells whether two sets are of the same images and classes, in whatever order."""
    pairs = (data[row] for row in rows.tolist())
    lines = sorted(f"{source_digest(image)} {data.classes[label]}" for image, label in pairs)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
