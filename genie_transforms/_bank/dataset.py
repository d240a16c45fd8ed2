"""The negatives of a bank as a dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from genie_transforms._errors import UserError

from .class_names import check_names, class_numbers, some_names
from .lookup import RowNumbers


class Images(Protocol):
    """What the dataset needs of a bank: `bank.py` imports this file, which cannot import it."""

    @property
    def class_names(self) -> list[str]: ...
    @property
    def labels(self) -> RowNumbers: ...
    def __len__(self) -> int: ...
    def image(self, index: int, /) -> Image.Image: ...


class BankDataset(Dataset[tuple[Any, int]]):
    """The hard negatives as (image, target class); made by `Bank.as_dataset`.

    Has `classes`, `class_to_idx`, `targets` and `transform`, as torchvision's datasets have.

    Args:
        bank: The bank.
        transform: Applied to the PIL image.
        classes: Class names in the order that targets follow; None for the bank's.

    Raises:
        UserError: Negatives are of classes that are not in `classes`.
    """

    def __init__(
        self,
        bank: Images,
        transform: Callable[[Image.Image], Any] | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        self.bank = bank
        self.transform = transform
        self.classes = list(bank.class_names) if classes is None else check_names(classes)
        self._numbers = class_numbers(bank.class_names, self.classes)
        unknown = np.unique(bank.labels[self._numbers[bank.labels] < 0]).tolist()
        if unknown:
            raise UserError(
                f"the bank has negatives of {len(unknown)} classes that are not in classes=, "
                f"{some_names([bank.class_names[label] for label in unknown])}: leave them out "
                f"with Bank.open(path, keep=...), as in `label not in ('a', 'b')`"
            )
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}

    @property
    def targets(self) -> list[int]:
        """The label of each sample, as a new list: a kept one would be copied into every worker."""
        targets: list[int] = self._numbers[self.bank.labels].tolist()
        return targets

    def __len__(self) -> int:
        """Count the negatives."""
        return len(self.bank)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Return an image, transformed, and its target class."""
        image = self.bank.image(index)
        label = int(self._numbers[self.bank.labels[index]])
        return (image if self.transform is None else self.transform(image)), label
