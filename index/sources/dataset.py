"""Any dataset with names and labels, such as those of torchvision, as a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch.utils.data import ConcatDataset, Subset

from genie_transforms import UserError

from .huggingface import from_hugging_face
from .source import Ids, LabelledImages, Labels, Source, check_source

_TARGETS = ("targets", "labels", "_labels")
"""Where torchvision's datasets keep the labels of all images."""


def source_of(dataset: LabelledImages) -> Source:
    """Use a dataset as the source of a build.

    Args:
        dataset: Returns (PIL image, label) for each row; its `classes` are names, and its
            `targets` the labels, positions among them. Or a `Subset` or `ConcatDataset` of such,
            or a Hugging Face `Dataset`. The training dataset without its transform.

    Raises:
        UserError: It lacks one of these, they disagree, a class has no image, or there are fewer
            than two classes.
    """
    what = f"a {type(dataset).__name__} as source"
    if isinstance(getattr(dataset, "features", None), Mapping):
        return check_source(from_hugging_face(dataset, what), what)
    return check_source(from_dataset(dataset, what), what)


def from_dataset(dataset: Any, what: str) -> Source:
    """Read names and labels of a dataset, unchecked.

    Raises:
        UserError: It has none.
    """
    names, labels = _names_and_labels(dataset, what)
    return Source(dataset, names, labels, Ids(len(dataset)), "dataset")


def _names_and_labels(dataset: Any, what: str) -> tuple[list[str], Labels]:
    """Read the names of the classes and all labels, through what wraps a dataset."""
    if isinstance(dataset, Subset):
        names, labels = _names_and_labels(dataset.dataset, what)
        return names, labels[np.asarray(dataset.indices, dtype=np.int64)]
    if isinstance(dataset, ConcatDataset):
        parts = [_names_and_labels(part, what) for part in dataset.datasets]
        if any(names != parts[0][0] for names, _ in parts):
            raise UserError(f"{what} joins datasets of other classes: one label would mean two")
        return parts[0][0], np.concatenate([labels for _, labels in parts])
    if not hasattr(dataset, "classes"):
        raise UserError(f"{what} has no `classes`: give it the names of its classes there")
    places = [place for place in _TARGETS if hasattr(dataset, place)]
    if not places:
        raise UserError(f"{what} has no `targets`: give it the label of each image there")
    targets = np.asarray(getattr(dataset, places[0]))
    if targets.dtype.kind not in "iu" and targets.size:
        raise UserError(f"targets of {what} must be integers, got {targets.ravel()[0]!r}")
    return _as_names(dataset.classes), targets.astype(np.int64)


def _as_names(classes: Any) -> list[str]:
    """Return one text for each class; ImageNet's are tuples of synonyms, two of them the same."""
    texts = [name if isinstance(name, str) else ", ".join(map(str, name)) for name in classes]
    if all(isinstance(name, str) for name in classes):
        return texts  # two the same are a mistake that `check_source` names
    return [
        text if texts.count(text) == 1 else f"{text} ({number})"
        for number, text in enumerate(texts)
    ]
