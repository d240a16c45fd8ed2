"""The negatives of a bank as a dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from PIL import Image
from torch.utils.data import Dataset

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
    """

    def __init__(self, bank: Images, transform: Callable[[Image.Image], Any] | None = None) -> None:
        self.bank = bank
        self.transform = transform
        self.classes = list(bank.class_names)
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}

    @property
    def targets(self) -> list[int]:
        """The label of each sample, as a new list: a kept one would be copied into every worker."""
        return [int(label) for label in self.bank.labels]

    def __len__(self) -> int:
        """Count the negatives."""
        return len(self.bank)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Return an image, transformed, and its target class."""
        image = self.bank.image(index)
        label = int(self.bank.labels[index])
        return (image if self.transform is None else self.transform(image)), label
