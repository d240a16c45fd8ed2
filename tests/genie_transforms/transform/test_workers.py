"""DataLoader workers, with the images of a stock torchvision dataset."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, default_collate
from torchvision.datasets import FakeData, ImageFolder
from torchvision.transforms import v2

from genie_transforms import Bank, BankError, GeNIeTransform, WithTransforms, source_digest
from tests.banks import CLASSES, row, row_of, source_image, write_bank

NUM_SOURCES = 12
METHODS = [None, "fork", "spawn", "forkserver"]


def write_folder(root: Path) -> Path:
    """An ImageFolder with the classes in the order of the bank's."""
    for index in range(NUM_SOURCES):
        folder = root / f"{index % 3}-{CLASSES[index % 3]}"
        folder.mkdir(parents=True, exist_ok=True)
        source_image(index).save(folder / f"{index:02d}.png")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "photos")


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    rows = []
    for source in range(NUM_SOURCES):
        for label in {0, 1, 2} - {source % 3}:
            rows.append(row(len(rows), source, source % 3, label))
    names = [f"{label}-{name}" for label, name in enumerate(CLASSES)]
    return Bank.open(write_bank(tmp_path / "bank", rows, class_names=names))


def loader_of(dataset: Any, method: str | None, **options: Any) -> DataLoader:
    return DataLoader(
        dataset,
        batch_size=4,
        num_workers=0 if method is None else 2,
        multiprocessing_context=method,
        **options,
    )


def to_tensor() -> v2.Transform:
    return v2.Compose([v2.ToImage(), v2.ToPureTensor()])


@pytest.mark.parametrize("method", METHODS)
def test_image_folder_with_the_image_alone(folder: Path, bank: Bank, method: str | None) -> None:
    transform = GeNIeTransform(bank, p=1)
    dataset = ImageFolder(folder, v2.Compose([transform, to_tensor()]))
    for images, labels in loader_of(dataset, method):
        for image, label in zip(images, labels, strict=True):
            assert bank[row_of(image.permute(1, 2, 0).numpy())].label == label
    counters = transform.counters  # counted in the workers, read here
    assert counters.seen == counters.replaced == NUM_SOURCES
    assert counters.hit_share == 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_persistent_workers_see_the_epoch(folder: Path, bank: Bank, method: str) -> None:
    transform = GeNIeTransform(bank, p=1, off_after=0)
    dataset = ImageFolder(folder, v2.Compose([transform, to_tensor()]))
    loader = loader_of(dataset, method, persistent_workers=True)
    for epoch, expected in ((0, NUM_SOURCES), (1, NUM_SOURCES)):
        transform.set_epoch(epoch)
        list(loader)
        assert transform.counters.replaced == expected


def test_spawned_workers_refuse_a_bank_of_other_classes_in_its_place(
    folder: Path, bank: Bank
) -> None:
    names = bank.class_names
    dataset = ImageFolder(folder, v2.Compose([GeNIeTransform(bank, p=1), to_tensor()]))
    loader = loader_of(dataset, "spawn")
    bank.path.rename(bank.path.with_name("old"))
    write_bank(bank.path, class_names=["ape", *names])
    with pytest.raises(BankError, match="was built again while in use, with other classes"):
        list(loader)


def test_the_workers_of_all_epochs_warn_once_of_an_epoch_that_is_never_set(
    folder: Path, bank: Bank, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each epoch has new workers, none of which sees many samples."""
    transform = GeNIeTransform(bank, p=1, warmup_epochs=5)
    transform(torch.zeros(990, 3, 2, 2), torch.zeros(990, dtype=torch.int64))
    dataset = ImageFolder(folder, v2.Compose([Told(transform), to_tensor()]))
    for _ in range(3):
        list(DataLoader(dataset, num_workers=1, multiprocessing_context="fork"))
    assert capfd.readouterr().out.count("was never told the epoch") == 1


class Told:
    """A transform whose warnings are printed."""

    def __init__(self, transform: GeNIeTransform) -> None:
        self.transform = transform

    def __call__(self, image: Any) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = self.transform(image)
        for warning in caught:
            print(warning.message, flush=True)
        return result


class Collate:
    """Stack the samples, then transform the batch."""

    def __init__(self, transform: GeNIeTransform) -> None:
        self.transform = transform

    def __call__(self, samples: list[Any]) -> Any:
        return self.transform(*default_collate(samples))


@pytest.mark.parametrize("method", [None, "fork"])
def test_in_a_collate_fn(folder: Path, bank: Bank, method: str | None) -> None:
    transform = GeNIeTransform(bank.decoded(16), p=1)
    dataset = ImageFolder(folder, to_tensor())
    for images, labels in loader_of(dataset, method, collate_fn=Collate(transform)):
        for image, label in zip(images, labels, strict=True):
            assert bank[row_of(image.permute(1, 2, 0).numpy())].label == label
    assert transform.counters.replaced == NUM_SOURCES


def test_workers_draw_different_numbers_and_seeds_decide(folder: Path, bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=0.5)
    dataset = ImageFolder(folder, v2.Compose([transform, to_tensor()]))

    def run(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        loader = loader_of(dataset, "fork")
        return torch.cat([images for images, _ in loader])

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def test_fake_data(tmp_path: Path) -> None:
    """FakeData's first two arguments are size and shape; its labels are tensors or ints."""
    plain = FakeData(20, (3, 16, 16), num_classes=3)
    rows = []
    for index in range(20):
        image, label = plain[index]
        for target in {0, 1, 2} - {int(label)}:
            digest = source_digest(image)
            rows.append(row(len(rows), index, int(label), target, source_digest=digest))
    bank = Bank.open(write_bank(tmp_path, rows))
    transform = GeNIeTransform(bank, p=1)
    dataset = FakeData(20, (3, 16, 16), num_classes=3, transform=transform)
    for index in range(20):
        image, label = dataset[index]
        assert bank[row_of(np.asarray(image))].label == label
    assert transform.counters.hit_share == 1


def test_no_warning_about_read_only_memory(bank: Bank) -> None:
    decoded = bank.decoded(16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GeNIeTransform(decoded, p=1)((torch.rand(2, 3, 16, 16), torch.tensor([0, 1])))


def test_with_transforms_in_workers(folder: Path, bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1, replace="source")
    dataset = WithTransforms(ImageFolder(folder), v2.Compose([transform, to_tensor()]))
    for images, labels in loader_of(dataset, "fork"):
        for image, label in zip(images, labels, strict=True):
            assert bank[row_of(image.permute(1, 2, 0).numpy())].label == label
    assert transform.counters.replaced == NUM_SOURCES
