"""Class names of banks and datasets: from the numbers of one to those of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from genie_transforms._errors import UserError

from .lookup import RowNumbers


def check_names(classes: Any) -> list[str]:
    """Return the class names that a user gave as `classes=`.

    Raises:
        UserError: They are not a list of different strings.
    """
    if isinstance(classes, np.ndarray):
        classes = classes.tolist()
    if isinstance(classes, str) or not isinstance(classes, Sequence):
        raise UserError(
            f"classes must be the names of the dataset's classes in the order of its labels, as "
            f"in classes=dataset.classes, got {classes!r}"
        )
    names = list(classes)
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None or not names:
        raise UserError(
            f"classes must be one name for each label, as strings: "
            f"got {'none' if not names else repr(wrong)}"
        )
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"classes has the name {twice!r} twice: labels could not be told apart")
    return names


def class_numbers(names: Sequence[str], others: Sequence[str]) -> RowNumbers:
    """Find the position of each name among others, ``(C,)`` int64; -1 where it is not there."""
    places = {name: place for place, name in enumerate(others)}
    return np.array([places.get(name, -1) for name in names], dtype=np.int64)


def some_names(names: Sequence[Any]) -> str:
    """Show the first names of a list."""
    shown = ", ".join(str(name) for name in list(names)[:5])
    return f"[{shown}, … {len(names)} in all]" if len(names) > 5 else f"[{shown}]"
