"""Images that say what they are, whatever is done to them, and banks of such images.

Each has one colour: red says the class, green which image it is, and blue whether it is a negative.
So the class is still there after resizing, cropping and flipping, and in a mix of images the mean
of red is the red of their mixed label.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from genie_transforms import source_digest
from tests.banks import png, row, write_bank

POOL = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""All classes: those of CIFAR-10."""

STEP = 24
"""The red of one class and that of the next differ by so much."""


def red_of(name: str) -> int:
    """The red of the images of a class, in [24, 240]."""
    return STEP * (POOL.index(name) + 1)


def coded_image(name: str, number: int, size: int = 16, *, negative: bool = False) -> Image.Image:
    """An image of a class; `number` is below 256."""
    return Image.new("RGB", (size, size), (red_of(name), number, 255 if negative else 0))


def write_coded_bank(
    folder: Path,
    class_names: Sequence[str],
    sources: Sequence[str],
    pairs: Sequence[tuple[int, str, bool]] | None = None,
    size: int = 16,
) -> Path:
    """Write a bank of coded negatives; the green of each is its row.

    Args:
        folder: Of the bank.
        class_names: In the bank's order.
        sources: The class of each source image, whose number is its place here.
        pairs: Source, target class and whether it is on target, for each row; if not given, every
            source with every other class.
        size: Side of the images.
    """
    if pairs is None:
        every = [(source, name) for source in range(len(sources)) for name in class_names]
        pairs = [(source, name, True) for source, name in every if name != sources[source]]
    numbers = {name: number for number, name in enumerate(class_names)}
    rows = []
    for index, (source, target, on_target) in enumerate(pairs):
        negative = coded_image(target, index, size, negative=True)
        original = coded_image(sources[source], source, size)
        changes = {
            "image": {"bytes": png(negative), "path": None},
            "source_digest": source_digest(original),
            "on_target": on_target,
        }
        own = numbers[sources[source]]
        rows.append(row(index, source, own, numbers[target], size, **changes))
    return write_bank(folder, rows, class_names=class_names)
