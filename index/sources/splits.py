"""Splits of a dataset, which must not be taken for its classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from genie_transforms import UserError

_TRAIN = ("train", "training")
_HELD_OUT = ("test", "testing", "val", "valid", "validation", "dev")


def splits_among(names: Iterable[str]) -> list[str]:
    """Return those names that splits have, the one for training first."""
    found = {name.lower(): name for name in sorted(names)}
    return [found[split] for split in _TRAIN + _HELD_OUT if split in found]


def are_splits(names: Sequence[str]) -> bool:
    """Return whether folders hold splits: one for training and one that is held out, or only such.

    One of them among other classes is a class: there are trains in photographs.
    """
    splits = [name.lower() for name in splits_among(names)]
    both = any(name in _TRAIN for name in splits) and any(name in _HELD_OUT for name in splits)
    return both or (bool(splits) and len(splits) == len(names))


def splits_of_files(files: Iterable[Path]) -> list[str]:
    """Return the splits that names of files mention, such as `data-train-00000.tar`."""
    return splits_among({word for file in files for word in re.split(r"[-_.]", file.stem)})


def ask_for_split(what: str, splits: Sequence[str], suggestion: str) -> UserError:
    """Return the question which split is meant, to be raised.

    Args:
        what: What messages call the source.
        splits: Their names.
        suggestion: What to give instead.
    """
    return UserError(
        f"{what} holds {' and '.join(splits)}, which are splits of a dataset, not classes: did "
        f"you mean --source {suggestion}? A bank is built from training images alone"
    )
