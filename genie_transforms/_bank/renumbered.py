"""A bank in the class numbers of a dataset: classes are matched by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from genie_transforms._digest import Pixels
from genie_transforms._errors import UserError
from genie_transforms.format import Size

from .bank import Bank
from .class_names import check_names, class_numbers, some_names
from .lookup import ClassIndex, RowNumbers
from .opened import Content


@dataclass(frozen=True)
class _Numbers:
    """Labels in the dataset's numbers; -1 for classes that it lacks."""

    labels: RowNumbers
    source_labels: RowNumbers
    usable: npt.NDArray[np.bool_]
    classes: ClassIndex


class RenumberedBank:
    """What a transform reads of a bank, with a dataset's class names, order and numbers.

    Rows keep their numbers. Those whose label would be a class that the dataset lacks are not
    found by class or source.

    Args:
        bank: The bank.
        class_names: Names of the dataset's classes, in its order.
        mix_sources: Whether labels name the source class too, as soft ones do: the dataset must
            then have both classes of a row.

    Raises:
        UserError: These are not names, or one is there twice, or none is a class of
            the bank.
    """

    def __init__(self, bank: Bank, class_names: Sequence[str], *, mix_sources: bool) -> None:
        self.bank = bank
        self.class_names = check_names(class_names)
        self._to_dataset = class_numbers(bank.class_names, self.class_names)
        if (self._to_dataset < 0).all():
            raise UserError(
                f"no class of classes= is a class of the bank {bank.path}: the dataset has "
                f"{some_names(self.class_names)}, the bank {some_names(bank.class_names)}"
            )
        self._mix_sources = mix_sources
        # None until this process needs it, as in `Bank`: a pickle leaves it out.
        self._numbers: _Numbers | None = None

    @property
    def path(self) -> Path:
        """The folder of the bank."""
        return self.bank.path

    @property
    def keep(self) -> str | None:
        """The filter of the bank."""
        return self.bank.keep

    @property
    def labels(self) -> RowNumbers:
        """The target class of each row, ``(N,)`` int64; -1 if the dataset lacks it."""
        return self._load().labels

    @property
    def source_labels(self) -> RowNumbers:
        """The source class of each row, ``(N,)`` int64; -1 if the dataset lacks it."""
        return self._load().source_labels

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Rows whose label the dataset can have, ``(N,)``."""
        return self._load().usable

    @property
    def class_index(self) -> ClassIndex:
        """The usable rows of the dataset's classes."""
        return self._load().classes

    @property
    def content(self) -> Content:
        """Digests of the bank's classes and rows."""
        return self.bank.content

    @property
    def has_pairs_within_classes(self) -> bool:
        """Whether source and target of a row are one class."""
        return self.bank.has_pairs_within_classes

    def __len__(self) -> int:
        """Return the number of rows that the filter kept, also of those that cannot be used."""
        return len(self.bank)

    def rows_of_class(self, label: int) -> RowNumbers:
        """Return the usable rows whose target class is the dataset's class `label`, ascending."""
        return self._load().classes[label]

    def digest_of(self, image: Image.Image | torch.Tensor | Pixels) -> str:
        """Return the `source_digest` of an image, as the bank finds it."""
        return self.bank.digest_of(image)

    def rows_of_source(self, digest: str) -> RowNumbers:
        """Return the usable rows made from the image with this digest, ascending."""
        rows = self.bank.rows_of_source(digest)
        return rows[self._load().usable[rows]]

    def knows_source(self, digest: str) -> bool:
        """Tell whether the image with this digest is a source, with or without rows."""
        return self.bank.knows_source(digest)

    def label_of_source(self, digest: str) -> int | None:
        """Return the dataset's number of a source's class; None if there is none."""
        label = self.bank.label_of_source(digest)
        if label is None or self._to_dataset[label] < 0:
            return None
        return int(self._to_dataset[label])

    def class_of_source(self, digest: str) -> str | None:
        """Return the name of a source's class, also of one that the dataset lacks."""
        return self.bank.class_of_source(digest)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Read a column as it is in the bank, ``(N,)``."""
        return self.bank.column(name)

    def projections(self) -> npt.NDArray[np.float32]:
        """Read each row's projection, ``(N,)``."""
        return self.bank.projections()

    def image(self, index: int, size: Size | None = None) -> Image.Image:
        """Decode the image of a row."""
        return self.bank.image(index, size)

    def mapped_planes(self, index: int, size: Size) -> torch.Tensor:
        """Return the image of a row, which must not be written."""
        return self.bank.mapped_planes(index, size)

    def mapped_arrays(self, rows: RowNumbers, size: Size) -> Iterator[Pixels]:
        """Yield the images of many rows, which must not be written."""
        return self.bank.mapped_arrays(rows, size)

    def _load(self) -> _Numbers:
        """Renumber the labels, once in each process."""
        if self._numbers is None:
            labels = self._to_dataset[self.bank.labels]
            source_labels = self._to_dataset[self.bank.source_labels]
            usable = labels >= 0
            if self._mix_sources:
                usable &= source_labels >= 0
            rows = np.flatnonzero(usable)
            classes = ClassIndex(labels[rows], len(self.class_names))
            classes.rows = rows[classes.rows]
            self._numbers = _Numbers(labels, source_labels, usable, classes)
        return self._numbers

    def __getstate__(self) -> dict[str, Any]:
        """Leave the arrays out, as the bank does."""
        return {**self.__dict__, "_numbers": None}
