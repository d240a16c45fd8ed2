"""Where source images come from: a folder with one folder for each class, or the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image
from torchvision.datasets import ImageFolder

from genie_transforms import MissingFileError, UserError
from index.demo import NOVEL_CLASSES, Scenes

DEMO_SEED = 2**16  # apart from the seeds of the scenes that the demo's models were trained on
DEMO_PER_CLASS = 7


class LabelledImages(Protocol):
    """A torchvision-style dataset of PIL images with integer labels."""

    classes: list[str]
    targets: list[int]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, Any]: ...


@dataclass(frozen=True)
class Source:
    """Source images with their labels and names.

    Attributes:
        dataset: Returns (PIL image, label) for a row.
        ids: A name for each row: a path below the root, or the row's number.
        kind: What the recipe calls it.
    """

    dataset: LabelledImages
    ids: Sequence[str]
    kind: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes; labels are positions in it."""
        return list(self.dataset.classes)

    @property
    def labels(self) -> np.ndarray:
        """Labels, ``(N,)`` int64."""
        return np.asarray(self.dataset.targets, dtype=np.int64)

    def image(self, row: int) -> Image.Image:
        """Read one image as RGB, at its own size."""
        image: Image.Image = self.dataset[row][0]
        return image.convert("RGB")


def open_source(source: str) -> Source:
    """Open the images that `--source` names.

    Args:
        source: A folder with one folder of images for each class, or "" for the demo's scenes.

    Raises:
        MissingFileError: The folder is missing, or a class has no images.
        UserError: There are fewer than two classes.
    """
    if not source:
        return _demo()
    root = Path(source)
    if not root.is_dir():
        raise MissingFileError(f"--source {source}: no such folder")
    try:
        folder = ImageFolder(str(root))
    except FileNotFoundError as error:  # torchvision names the classes without images
        raise MissingFileError(f"--source {source}: {error}") from error
    if len(folder.classes) < 2:
        raise UserError(f"--source {source} has one class, {folder.classes}; at least 2 are needed")
    ids = [str(Path(path).relative_to(root)) for path, _ in folder.samples]
    return Source(folder, ids, "imagefolder")


def _demo() -> Source:
    scenes = Scenes(num_per_class=DEMO_PER_CLASS, classes=NOVEL_CLASSES, seed=DEMO_SEED)
    return Source(scenes, [str(row) for row in range(len(scenes))], "demo")
