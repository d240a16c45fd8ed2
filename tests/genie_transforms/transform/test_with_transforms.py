from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Subset
from torchvision.transforms import v2

from genie_transforms import Bank, GeNIeTransform, UserError, WithTransforms
from tests.banks import CLASSES, Photos, row_of, source_image, write_bank


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path))


def test_with_transforms_gives_image_and_label(bank: Bank) -> None:
    dataset = WithTransforms(Photos(), GeNIeTransform(bank, p=1, replace="source"))
    assert len(dataset) == 6
    for index in range(6):
        image, label = dataset[index]
        assert bank[row_of(np.asarray(image))].source_id == f"{index}.png"
        assert label == bank[row_of(np.asarray(image))].label


def test_with_transforms_has_the_dataset_s_attributes(bank: Bank) -> None:
    dataset = WithTransforms(Photos(), GeNIeTransform(bank))
    assert dataset.classes == list(CLASSES)
    assert dataset.targets == [0, 1, 2, 0, 1, 2]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dataset.nothing
    again = pickle.loads(pickle.dumps(dataset))  # noqa: S301
    assert again.targets == dataset.targets


def test_with_transforms_checks_the_classes(bank: Bank) -> None:
    photos = Photos()
    photos.classes = ["dog", "cat", "bird"]
    with pytest.raises(ValueError, match=r"\[dog, cat, bird\], are not those of the bank"):
        WithTransforms(photos, GeNIeTransform(bank))
    WithTransforms(photos, v2.Identity())


def test_lazy_does_not_read_what_is_replaced(bank: Bank) -> None:
    photos = Photos()
    transform = GeNIeTransform(bank, p={"cat": 1.0}, size="stored")
    dataset = WithTransforms(photos, v2.Compose([transform, v2.Resize(4)]), lazy=True)
    for index in range(6):
        image, label = dataset[index]
        assert image.size == (4, 4)
        assert label == index % 3
        if label == 0:
            assert bank[row_of(np.asarray(image))].label == 0
    assert photos.num_read == 4
    assert transform.counters.seen == 6
    assert transform.counters.replaced == 2


def test_lazy_soft_labels(bank: Bank) -> None:
    for p in (0, 1):
        transform = GeNIeTransform(bank, p=p, size="stored", label="soft")
        image, label = WithTransforms(Photos(), transform, lazy=True)[0]
        assert image.size == (16, 16)
        assert float(label.sum()) == pytest.approx(1)
        assert float(label[0]) == pytest.approx(0.6 if p else 1)


def test_lazy_says_what_it_needs(bank: Bank) -> None:
    good = GeNIeTransform(bank, size="stored")
    for transforms in (v2.Identity(), GeNIeTransform(bank), v2.Compose([v2.Identity(), good])):
        with pytest.raises(ValueError, match='needs a GeNIeTransform with replace="target"'):
            WithTransforms(Photos(), transforms, lazy=True)
    with pytest.raises(ValueError, match="needs a dataset with targets, got list"):
        WithTransforms([(source_image(0), 0)], good, lazy=True)
    for name in ("transforms", "transform", "target_transform"):
        photos = Photos()
        setattr(photos, name, v2.Identity())
        with pytest.raises(UserError, match=f"skip the dataset's own {name} "):
            WithTransforms(photos, good, lazy=True)
        if name != "target_transform":
            WithTransforms(photos, good)
    with pytest.raises(UserError, match="skip the dataset's own transform "):
        WithTransforms(bank.as_dataset(v2.Resize(8)), good, lazy=True)


def test_labels_that_a_dataset_changes_are_not_those_of_its_names(bank: Bank) -> None:
    photos = Photos()
    photos.classes = bank.class_names
    photos.target_transform = lambda label: (label + 1) % 3
    for dataset in (photos, Subset(photos, [0, 1]), ConcatDataset([Photos(), photos])):
        with pytest.raises(UserError, match="give GeNIeTransform classes=, a name for each label"):
            WithTransforms(dataset, GeNIeTransform(bank))
        rotated = [bank.class_names[2], *bank.class_names[:2]]  # label 1 is the first class
        WithTransforms(dataset, GeNIeTransform(bank, classes=rotated))
    photos.target_transform = {2: 0}.__getitem__  # of one class alone
    with pytest.raises(UserError, match="a name for each label"):
        WithTransforms(photos, GeNIeTransform(bank))
    for harmless in (int, torch.tensor):
        photos.target_transform = harmless
        WithTransforms(photos, GeNIeTransform(bank))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_transform_that_a_loader_sets_gets_the_image(bank: Bank, lazy: bool) -> None:
    transform = GeNIeTransform(bank, p=1, size="stored")
    wrapped = WithTransforms(Photos(), transform, lazy=lazy)
    wrapped.transform = np.asarray
    for index in range(len(wrapped)):
        pixels, label = wrapped[index]
        assert bank[row_of(pixels)].label == label == index % 3
    assert transform.counters.replaced == len(wrapped)
    alone = WithTransforms(Photos(), lambda sample: {"image": sample[0]})
    alone.transform = np.asarray
    with pytest.raises(UserError, match="needs samples \\(image, label\\), got a dict"):
        alone[0]
