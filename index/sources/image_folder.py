"""A folder with one folder of images for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torchvision.datasets import ImageFolder

from genie_transforms import MissingFileError

from .source import Ids, Source
from .splits import are_splits, ask_for_split, splits_among


def open_image_folder(root: Path, what: str) -> Source:
    """Open a folder as torchvision's `ImageFolder` does.

    Raises:
        MissingFileError: A class has no images.
        UserError: The folders are splits.
    """
    folders = [path.name for path in root.iterdir() if path.is_dir()]
    if are_splits(folders):
        splits = splits_among(folders)
        raise ask_for_split(what, splits, str(root / splits[0]))
    try:
        folder = ImageFolder(str(root))
    except FileNotFoundError as error:  # torchvision names the classes without images
        raise MissingFileError(f"{what}: {error}") from error
    samples = folder.samples
    ids = Ids(len(samples), lambda row: str(Path(samples[row][0]).relative_to(root)))
    labels = np.asarray(folder.targets, dtype=np.int64)
    return Source(folder, folder.classes, labels, ids, "imagefolder")
