"""From the labels that users write to class numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from genie_transforms import UserError

from .source import Labels

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]*\.?[0-9]+\.?")


def number_classes(
    written: Sequence[str], names: Sequence[str] | None, what: str
) -> tuple[list[str], Labels]:
    """Return the class names, and the label of each image, ``(N,)`` int64.

    Numbers stay what they are, for training uses them. Words are numbered in their sorted order,
    as `ImageFolder` does.

    Args:
        written: The label of each image, as text.
        names: The class name of each image, if it is known beside a number.
        what: What messages call the source.

    Raises:
        UserError: There is no image; numbers have gaps or fractions, stand behind a header, or
            would be other classes among words; or a number has two names.
    """
    if not len(written):
        raise UserError(f"{what} lists no image")
    if not all(_INTEGER.fullmatch(label) for label in written):
        return _number_words(written, what)
    labels = np.array([int(label) for label in written], dtype=np.int64)
    numbers, first = np.unique(labels, return_index=True)
    check_numbers(numbers, what)
    if names is None:
        return [str(number) for number in numbers], labels
    called = [names[row] for row in first]
    for row, name in enumerate(names):
        if name != called[labels[row]]:
            raise UserError(
                f"{what} calls class {labels[row]} {called[labels[row]]!r} and also {name!r}"
            )
    return called, labels


def _number_words(written: Sequence[str], what: str) -> tuple[list[str], Labels]:
    """Number words in their sorted order, unless that makes other classes of numbers among them."""
    if all(_NUMBER.fullmatch(label) for label in written):  # as words, 10.0 is before 2.0
        raise UserError(
            f"labels of {what} are no class numbers, such as {written[0]!r}: write 0, 1, …"
        )
    words = [row for row, label in enumerate(written) if not _INTEGER.fullmatch(label)]
    word = written[words[0]]
    if words == [0] and len(written) > 1:
        raise UserError(
            f"labels of {what} are numbers, but {word!r} of the first line: remove the header"
        )
    classes, places = np.unique(np.array(written, dtype=np.str_), return_inverse=True)
    numbers = [n for n, label in enumerate(classes.tolist()) if _INTEGER.fullmatch(label)]
    # A few that can be no class numbers, such as 911 among cars, are names.
    least = len(classes) if 2 * len(numbers) < len(classes) else np.inf
    for place in numbers:
        if place != int(classes[place]) < least:  # 10 is before 2
            raise UserError(
                f"labels of {what} are numbers and also words, such as {word!r}, so "
                f"{classes[place]} would be class {place}: write numbers, or names that are none, "
                "for all"
            )
    return classes.tolist(), places.astype(np.int64)


def check_numbers(numbers: Labels, what: str) -> None:
    """Refuse class numbers that do not count from 0 without gaps.

    Args:
        numbers: The different ones, sorted.
        what: What messages call the source.

    Raises:
        UserError: They start elsewhere, or have gaps.
    """
    if not np.array_equal(numbers, np.arange(len(numbers))):
        raise UserError(
            f"labels of {what} are numbers, so they must be 0, 1, 2, … without gaps, as training "
            f"counts classes: found {numbers[:5].tolist()} … {numbers[-1]}; or write names"
        )
