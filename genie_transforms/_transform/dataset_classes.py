"""The class names of a dataset, through whatever wraps it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from genie_transforms._bank import some_names
from genie_transforms._errors import UserError

from .label_place import default_label_key


def classes_of(dataset: Any, label_at: Any = "default") -> list[Any] | None:
    """Find the names of a dataset's classes in the order of its labels; None if it says none.

    They are its `classes`, or the keys of its `class_to_idx`, or the names of the `ClassLabel`
    among its Hugging Face `features`, or those of the dataset that it wraps, as `Subset` and
    `random_split` do, or of timm's reader, or of all datasets that it joins, as `ConcatDataset`
    does.

    Args:
        dataset: The dataset.
        label_at: Where its samples have the label, as `GeNIeTransform` has it.

    Raises:
        UserError: Joined datasets have other classes, or the same in another order.

    Warns:
        UserWarning: Some of the joined datasets name classes, and others none.
    """
    classes = getattr(dataset, "classes", None)
    if classes is not None and not callable(classes):
        return list(classes)
    numbers = getattr(dataset, "class_to_idx", None)
    if isinstance(numbers, Mapping) and _is_numbering(numbers):
        return sorted(numbers, key=numbers.__getitem__)
    features = getattr(dataset, "features", None)
    if isinstance(features, Mapping):
        return _feature_names(features, label_at)
    joined = getattr(dataset, "datasets", None)
    if isinstance(joined, Sequence):
        return _agreed(joined, [classes_of(part, label_at) for part in joined])
    wrapped = getattr(dataset, "dataset", getattr(dataset, "reader", None))
    return None if wrapped is None or wrapped is dataset else classes_of(wrapped, label_at)


def is_relabelled(dataset: Any) -> bool:
    """Tell whether a dataset that names classes, or one within it, has a `target_transform`.

    One that gives each class number back, such as `int`, changes nothing.
    """
    change, classes = getattr(dataset, "target_transform", None), getattr(dataset, "classes", None)
    if callable(change) and isinstance(classes, Sequence):
        return not _keeps_numbers(change, len(classes))
    joined = getattr(dataset, "datasets", None)
    if isinstance(joined, Sequence):
        return any(is_relabelled(part) for part in joined)
    wrapped = getattr(dataset, "dataset", None)
    return wrapped is not None and wrapped is not dataset and is_relabelled(wrapped)


def _keeps_numbers(change: Callable[[int], Any], num_classes: int) -> bool:
    try:
        return all(int(change(label)) == label for label in range(num_classes))
    except (LookupError, TypeError, ValueError):  # it has no number for some, or what is none
        return False


def _is_numbering(numbers: Mapping[Any, Any]) -> bool:
    """Tell whether a mapping gives each name one of the numbers from 0: merged classes have none.

    timm's class maps may also be of numbers to numbers, which say no names.
    """
    named = all(isinstance(name, str) for name in numbers)
    return named and sorted(numbers.values()) == list(range(len(numbers)))


def _feature_names(features: Mapping[Any, Any], label_at: Any) -> list[Any] | None:
    """Find the names of the label among the features of a Hugging Face dataset."""
    key = label_at[0] if isinstance(label_at, tuple) and label_at else label_at
    if key == "default":
        path = default_label_key(features)
        key = None if path is None else path[0]
    names = getattr(features.get(key), "names", None)
    return None if names is None else list(names)


def _agreed(parts: Sequence[Any], found: list[list[Any] | None]) -> list[Any] | None:
    """Return the class names that the parts of a dataset have in common.

    Parts that say nothing are passed over, as a whole dataset is that says nothing: their numbers
    must agree. But where others have names, they may well have been forgotten: a warning says so.
    """
    known = [names for names in found if names is not None]
    other = next((names for names in known if names != known[0]), None)
    if other is not None:
        raise UserError(
            f"the parts of the joined dataset have other classes or another order, "
            f"{some_names(known[0])} and {some_names(other)}: one label would mean two classes"
        )
    silent = [
        type(part).__name__ for part, names in zip(parts, found, strict=True) if names is None
    ]
    if known and silent:
        warnings.warn(
            f"{len(silent)} of {len(parts)} parts of the joined dataset name no classes "
            f"({', '.join(silent[:3])}): their labels are taken to number {some_names(known[0])}. "
            f"If they do, give the part an attribute `classes`, and they are checked",
            stacklevel=4,
        )
    return known[0] if known else None
