"""The negatives as a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import ConcatDataset
from torchvision.transforms import v2

from genie_transforms import Bank
from tests.banks import CLASSES, Photos, row_of, write_bank


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path))


def test_as_dataset_looks_like_torchvision_s(bank: Bank) -> None:
    dataset = bank.as_dataset()
    assert len(dataset) == 12
    assert dataset.classes == list(CLASSES)
    assert dataset.class_to_idx == {"cat": 0, "dog": 1, "bird": 2}
    assert dataset.targets == [row.label for row in bank]
    image, label = dataset[7]
    assert row_of(np.asarray(image)) == 7
    assert label == bank[7].label
    assert type(label) is int


def test_as_dataset_transforms_the_image(bank: Bank) -> None:
    image, _ = bank.as_dataset(v2.Resize(4))[0]
    assert image.size == (4, 4)


def test_as_dataset_ends(bank: Bank) -> None:
    assert len(list(bank.as_dataset())) == 12
    assert len(ConcatDataset([Photos(), bank.as_dataset()])) == 18
