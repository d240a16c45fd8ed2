"""Source images with their labels and names, wherever they come from."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
from PIL import Image

from genie_transforms import UserError

from .reading import BadImageError, check_image, no_ghostscript, why_bad

logger = logging.getLogger("genie.build")

Labels = npt.NDArray[np.int64]

_LOOKED_AT = 16
"""Rows of which the first that can be read shows what a dataset returns."""


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
        left_out: Counts of what lies beside the images and is not read, by what it is.
    """

    dataset: LabelledImages
    class_names: list[str]
    labels: Labels
    ids: Sequence[str]
    kind: str
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, row: int) -> Image.Image:
        """Read one image as training reads it, in any mode: `source_digest` of it is its key.

        Raises:
            BadImageError: It cannot be used.
            StorageError: The disk fails.
        """
        with self._naming(row):
            image = self.dataset[row][0]
            check_image(image)
        return image  # type: ignore[no-any-return]

    def sample(self, row: int) -> Sequence[Any]:
        """Read a row as the dataset returns it: the image first, perhaps its label.

        Raises:
            BadImageError: The dataset cannot.
            StorageError: The disk fails.
        """
        with self._naming(row):
            return tuple(self.dataset[row])

    @contextmanager
    def _naming(self, row: int) -> Iterator[None]:
        """Say of which image an error is."""
        with no_ghostscript():
            try:
                yield
            except Exception as error:  # Pillow's parsers raise whatever they stumble upon
                name = str(self.ids[row])
                raise BadImageError(name, why_bad(error, name)) from error

    def take(self, rows: Sequence[int]) -> Source:
        """Return some of the images, with their names and classes; rows are numbered anew."""
        if len(rows) == len(self):
            return self
        labels = self.labels[np.asarray(rows, dtype=np.int64)]
        ids = Ids(len(rows), lambda row: self.ids[rows[row]])
        return replace(self, dataset=_Some(self.dataset, rows), labels=labels, ids=ids)

    def empty_classes(self) -> list[str]:
        """Return the classes that have no image."""
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        return [name for name, n in zip(self.class_names, counts, strict=True) if not n]


class _Some:
    """Some rows of a dataset."""

    def __init__(self, dataset: LabelledImages, rows: Sequence[int]) -> None:
        self._dataset, self._rows = dataset, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Any:
        return self._dataset[self._rows[row]]


def check_source(source: Source, what: str) -> Source:
    """Return a source that a bank can be built from.

    Args:
        source: The source.
        what: What messages call it, such as "--source photos".

    Raises:
        UserError: It has fewer than two classes with images, a name twice or one that is no
            text, or a row is no PIL image or contradicts its labels.
    """
    names, labels = source.class_names, source.labels
    if len(names) < 2:
        raise UserError(f"{what} has one class, {names}; at least 2 are needed")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{what} calls several classes {twice[0]!r}: give each a name of its own")
    unwritable = [name for name in names if not _is_text(name)]
    if unwritable:
        raise UserError(f"{what}: the name of class {unwritable[0]!r} is not UTF-8: rename it")
    if labels.shape != (len(source),):
        raise UserError(f"{what} has {len(source)} images but {labels.shape} targets")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
        raise UserError(
            f"targets of {what} must lie in [0, {len(names)}), one for each class: found "
            f"{labels.min()} and {labels.max()}"
        )
    check_classes(source, what)
    for kind, count in source.left_out.items():
        logger.warning("%s: left out %d %s", what, count, kind)
    _check_samples(source, what)
    return source


def check_classes(source: Source, what: str) -> None:
    """Refuse a source in which fewer than two classes have images; warn of empty ones.

    Raises:
        UserError: There are fewer.
    """
    names, empty = source.class_names, source.empty_classes()
    if len(names) - len(empty) < 2:
        raise UserError(
            f"{what} has no image of {len(empty)} of its {len(names)} classes, such as "
            f"{empty[:3]}: at least 2 classes need one"
        )
    if empty:
        logger.warning(
            "%s has no image of %d of its %d classes, such as %s: they keep their numbers, but "
            "without a centroid they are no targets",
            what, len(empty), len(names), empty[:3],
        )  # fmt: skip


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_samples(source: Source, what: str) -> None:
    """Refuse what an image shows: a tensor, or a label that is not that of training.

    Of a dataset given from Python one of each class is looked at, for its `target_transform` may
    change only some. Bad images show nothing; they are recorded when they are embedded.
    """
    order = np.argsort(source.labels, kind="stable")
    labels, starts = np.unique(source.labels[order], return_index=True)
    of_classes = np.split(order, starts[1:])
    if source.kind != "dataset":
        labels, of_classes = labels[:1], of_classes[:1]
    for label, rows in zip(labels, of_classes, strict=True):
        for row in rows[:_LOOKED_AT].tolist():
            try:
                image, *others = source.sample(row)
            except BadImageError:
                continue
            _check_sample(image, others[0] if others else None, int(label), what)
            break


def _check_sample(image: object, returned: object, label: int, what: str) -> None:
    if not isinstance(image, Image.Image):
        raise UserError(
            f"{what} must return PIL images, got {type(image).__name__}: leave its transform out"
        )
    if isinstance(returned, int | np.integer) and returned != label:
        raise UserError(
            f"{what} returns the label {returned} with an image whose target is {label}: leave "
            "its target_transform out"
        )
