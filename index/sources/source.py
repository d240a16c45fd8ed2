"""Source images with their labels and names, wherever they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
from PIL import Image

from genie_transforms import UserError

Labels = npt.NDArray[np.int64]


class LabelledImages(Protocol):
    """A dataset that is read by row, such as those of torchvision: (PIL image, label)."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Any: ...


class Ids(Sequence[str]):
    """Names of rows, each made when it is asked for: millions of strings would cost memory.

    Args:
        count: Rows.
        name: Returns the name of a row; its number if not given.
    """

    def __init__(self, count: int, name: Callable[[int], str] = str) -> None:
        self._rows, self._name = range(count), name

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self._name(one) for one in self._rows[row]]
        return self._name(self._rows[row])


@dataclass(frozen=True, eq=False)
class Source:
    """Source images with their labels and names.

    Attributes:
        dataset: Returns a tuple for each row, the PIL image first, as the dataset that is trained
            on does: the transform will know the image by these pixels.
        class_names: Names of the classes, as strings; labels are positions in it.
        labels: The class of each row, ``(N,)`` int64.
        ids: A name for each row: a path below the root, or the row's number.
        kind: What the bank's card calls it.
    """

    dataset: LabelledImages
    class_names: list[str]
    labels: Labels
    ids: Sequence[str]
    kind: str

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, row: int) -> Image.Image:
        """Read one image as training reads it, in any mode: `source_digest` of it is its key."""
        image: Image.Image = self.dataset[row][0]
        return image


def check_source(source: Source, what: str) -> Source:
    """Return a source that a bank can be built from.

    Args:
        source: The source.
        what: What messages call it, such as "--source photos".

    Raises:
        UserError: It has fewer than two classes, a name twice, a class without images or none but
            numbers for some labels, or its first row is no PIL image or contradicts its labels.
    """
    names, labels = source.class_names, source.labels
    if len(names) < 2:
        raise UserError(f"{what} has one class, {names}; at least 2 are needed")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{what} calls several classes {twice[0]!r}: give each a name of its own")
    if labels.shape != (len(source),):
        raise UserError(f"{what} has {len(source)} images but {labels.shape} targets")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
        raise UserError(
            f"targets of {what} must lie in [0, {len(names)}), one for each class: found "
            f"{labels.min()} and {labels.max()}"
        )
    counts = np.bincount(labels, minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if empty:
        raise UserError(
            f"{what} has no image of {len(empty)} of its {len(names)} classes, such as "
            f"{empty[:3]}: every class needs one, for r* is measured towards it"
        )
    _check_first(source, what)
    return source


def _check_first(source: Source, what: str) -> None:
    """Refuse what the first row shows: tensors, and labels that are not those of training."""
    image, *others = source.dataset[0]
    if not isinstance(image, Image.Image):
        raise UserError(
            f"{what} must return PIL images, got {type(image).__name__}: leave its transform out"
        )
    if others and isinstance(others[0], int | np.integer) and others[0] != source.labels[0]:
        raise UserError(
            f"{what} returns the label {others[0]} with its first image, and has the target "
            f"{source.labels[0]} for it: leave its target_transform out"
        )
