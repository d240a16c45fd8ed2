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

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""

    @property
    def targets(self) -> list[int]:
        """Labels, positions among the classes."""

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


def source_of(dataset: LabelledImages) -> Source:
    """Use a dataset as the source of a build.

    Args:
        dataset: Returns (PIL image, label) for each row; its `classes` are names, and its
            `targets` the labels, positions among them.

    Raises:
        UserError: It lacks one of these, they disagree, or there are fewer than two classes.
    """
    kind = type(dataset).__name__
    for name in ("classes", "targets"):
        if not hasattr(dataset, name):
            raise UserError(f"a {kind} as source has no `{name}`: give it names, or labels, there")
    source = Source(dataset, [str(row) for row in range(len(dataset))], "dataset")
    names, labels = source.class_names, source.labels
    if len(names) < 2:
        raise UserError(f"a {kind} as source has one class, {names}; at least 2 are needed")
    if labels.shape != (len(dataset),):
        raise UserError(f"a {kind} as source has {len(dataset)} images but {labels.shape} targets")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
        raise UserError(f"targets of a {kind} must lie in [0, {len(names)}), one for each class")
    if len(dataset) and not isinstance(dataset[0][0], Image.Image):
        raise UserError(
            f"a {kind} as source must return PIL images, got {type(dataset[0][0]).__name__}: leave "
            "its transform out"
        )
    return source


def _demo() -> Source:
    scenes = Scenes(num_per_class=DEMO_PER_CLASS, classes=NOVEL_CLASSES, seed=DEMO_SEED)
    return Source(scenes, [str(row) for row in range(len(scenes))], "demo")
