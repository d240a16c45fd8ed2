"""Datasets of Hugging Face: from the hub, a folder of `save_to_disk`, parquet files, or Python.

Their images are decoded by `datasets`, which turns them as EXIF says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genie_transforms import MissingPackageError, UserError

from .labels import check_numbers
from .source import Ids, Labels, Source
from .splits import ask_for_split, splits_among

_IMAGES = ("image", "img")
_LABELS = ("label", "labels", "target", "class")
"""What columns are called; others are known by their type, if there is one only."""


class DecodedImages:
    """The images of a Hugging Face dataset.

    Args:
        dataset: The dataset.
        column: Its column of images.
    """

    def __init__(self, dataset: Any, column: str) -> None:
        self._images, self._column = dataset.select_columns([column]), column

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> tuple[Image.Image]:
        return (self._images[row][self._column],)


def open_hub(spec: str, what: str) -> Source:
    """Open `hf:NAME[:SPLIT][:label=COLUMN]`; the split is train, if none is given.

    Raises:
        MissingPackageError: `datasets` is not installed.
        UserError: It cannot be opened, or has no columns of images and labels.
    """
    datasets = _datasets(what)
    name, *parts = spec.split(":")
    label = parts.pop().removeprefix("label=") if parts and parts[-1].startswith("label=") else ""
    if not name or len(parts) > 1:
        raise UserError(f"{what}: expected hf:NAME, hf:NAME:SPLIT or hf:NAME:SPLIT:label=COLUMN")
    try:
        dataset = datasets.load_dataset(name, split=parts[0] if parts else "train")
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise UserError(f"{what} cannot be opened: {error}") from error
    return from_hugging_face(dataset, what, label)


def open_saved(folder: Path, what: str) -> Source:
    """Open a folder that `Dataset.save_to_disk` wrote.

    Raises:
        MissingPackageError: `datasets` is not installed.
        UserError: It holds several splits, or has no columns of images and labels.
    """
    datasets = _datasets(what)
    if (folder / "dataset_dict.json").exists():
        names = [path.name for path in sorted(folder.iterdir()) if path.is_dir()]
        first = (splits_among(names) or names)[0]
        raise ask_for_split(what, names, str(folder / first))
    return from_hugging_face(datasets.load_from_disk(str(folder)), what)


def open_parquet(files: Sequence[Path], what: str) -> Source:
    """Open parquet files as one dataset.

    Raises:
        MissingPackageError: `datasets` is not installed.
        UserError: They cannot be read, or have no columns of images and labels.
    """
    datasets = _datasets(what)
    try:
        dataset = datasets.Dataset.from_parquet([str(path) for path in files])
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(f"{what} cannot be read as parquet: {error}") from error
    for column in _IMAGES:  # files that others wrote do not say that these are images
        kind = str(getattr(dataset.features.get(column), "dtype", dataset.features.get(column)))
        if kind in ("binary", "large_binary") or isinstance(dataset.features.get(column), dict):
            dataset = dataset.cast_column(column, datasets.Image())
    return from_hugging_face(dataset, what)


def from_hugging_face(dataset: Any, what: str, label: str = "") -> Source:
    """Use a `datasets.Dataset` as it decodes images, whatever its format or transform.

    Args:
        dataset: The dataset.
        what: What messages call it.
        label: The column of labels; found if not given.

    Raises:
        UserError: It has no columns of images and labels, or more than one may be meant.
    """
    import datasets

    if not hasattr(dataset, "select_columns") or not hasattr(dataset, "__len__"):
        raise UserError(f"{what} must be one split that can be read by row, not a stream or a dict")
    features = dataset.features
    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    named = [name for name in _IMAGES if name in images]
    image = _the_one(named or images, "images", what, features)
    if not label:
        named = [name for name in _LABELS if name in features]
        classes = [n for n, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
        label = _the_one(named or classes, "labels", what, features)
    elif label not in features:
        raise UserError(f"{what} has no column {label!r}: it has {list(features)}")
    plain = dataset.with_format(None)
    names, labels = _labels(plain, label, what)
    return Source(DecodedImages(plain, image), names, labels, Ids(len(plain)), "hugging face")


def _the_one(found: Sequence[str], of: str, what: str, columns: Iterable[str]) -> str:
    """Return the only column that was found."""
    if len(found) == 1:
        return found[0]
    raise UserError(
        f"{what} needs one column of {of}, found {list(found)} among {list(columns)}: name it in "
        "hf:NAME:SPLIT:label=COLUMN, or rename it and pass the dataset from Python"
    )


def _labels(dataset: Any, column: str, what: str) -> tuple[list[str], Labels]:
    """Read a column of labels: numbers with or without names, or words."""
    values = dataset.select_columns([column]).with_format("numpy")[:][column]
    names = getattr(dataset.features[column], "names", None)
    if values.dtype.kind == "U" or (
        values.dtype.kind == "O" and all(isinstance(value, str) for value in values)
    ):
        classes, labels = np.unique(values.astype(np.str_), return_inverse=True)
        return classes.tolist(), labels.astype(np.int64)
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise UserError(
            f"{what}: labels in {column!r} must be numbers or words, one for each image"
        )
    labels = values.astype(np.int64)
    if names is None:
        numbers = np.unique(labels)
        check_numbers(numbers, what)
        names = [str(number) for number in numbers]
    return list(names), labels


def _datasets(what: str) -> Any:
    """Import `datasets`, which takes a second and may be missing."""
    try:
        import datasets
    except ImportError as error:
        raise MissingPackageError(
            f"{what} is read by the package datasets: pip install 'genie-transforms[hf]'"
        ) from error
    return datasets
