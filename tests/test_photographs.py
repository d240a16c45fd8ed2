"""From photographs to a training step: what you do with your own images, on tiny models."""

from __future__ import annotations

from pathlib import Path

import matplotlib.cbook as cbook
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from genie_transforms import Bank, GeNIeTransform
from index.build.builder import build
from index.config import BuildConfig

CROPS, SIDE = 3, 96


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs, one folder a class: crops of three that our libraries ship."""
    root = tmp_path_factory.mktemp("photos")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        portrait = Image.open(file).convert("RGB")
    images = {
        "temple": Image.fromarray(load_sample_image("china.jpg")),
        "flower": Image.fromarray(load_sample_image("flower.jpg")),
        "person": portrait,
    }
    for name, image in images.items():
        (root / name).mkdir()
        left, top = image.width // 2 - SIDE, image.height // 3 - SIDE // 2
        for number in range(CROPS):  # as many sizes as a camera roll has
            corner = left + 40 * number, top + 30 * number
            box = (*corner, corner[0] + SIDE + 10 * number, corner[1] + SIDE)
            image.crop(box).save(root / name / f"{number}.jpg", quality=95)
    return root


@pytest.fixture(scope="module")
def bank(
    photos: Path, stable_diffusion_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Bank:
    """Build a bank as `python -m index.build` does; give your own --model and --backbone."""
    out = tmp_path_factory.mktemp("banks") / "bank"
    build(
        BuildConfig(
            out=out,
            source=str(photos),
            model=str(stable_diffusion_folder),
            backbone="demo",
            num_inference_steps=4,
            store_resolution=64,
        )
    )
    return Bank.open(out, keep=None)  # all of it: random weights hit no target


def test_every_photograph_becomes_every_other_class(bank: Bank, photos: Path) -> None:
    names = ["flower", "person", "temple"]
    assert bank.class_names == names
    assert len(bank) == 3 * CROPS * 2
    for label, name in enumerate(names):
        rows = bank.rows_of_class(label)
        assert len(rows) == 2 * CROPS
        others = {path for path in photos.glob("*/*.jpg") if path.parent.name != name}
        sources = bank.column("source_id")[rows]
        assert {photos / source for source in sources} == others
        assert all(bank[int(row)].image().size == (64, 64) for row in rows)
    assert (bank.path / "preview.png").exists()
    assert (bank.path / "README.md").exists()


def test_photographs_are_replaced_by_negatives_of_their_label(bank: Bank, photos: Path) -> None:
    train = datasets.ImageFolder(str(photos), transform=GeNIeTransform(bank, p=1.0))
    for image, label in train:
        size = image.height, image.width  # the photograph's own
        made = [np.asarray(bank.image(int(row), size)) for row in bank.rows_of_class(label)]
        assert any(np.array_equal(np.asarray(image), negative) for negative in made)


def test_a_classifier_trains_on_it(bank: Bank, photos: Path) -> None:
    genie = GeNIeTransform(bank, p=0.5)
    augment = transforms.Compose([genie, transforms.Resize((64, 64)), transforms.ToTensor()])
    train = datasets.ImageFolder(str(photos), transform=augment)
    images, labels = next(iter(DataLoader(train, batch_size=len(train))))
    assert labels.tolist() == train.targets

    classifier = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 3))
    optimizer = torch.optim.SGD(classifier.parameters(), lr=1e-3)
    before = F.cross_entropy(classifier(images), labels)
    before.backward()
    optimizer.step()
    assert F.cross_entropy(classifier(images), labels) < before


def test_without_replacement_the_photographs_are_untouched(bank: Bank, photos: Path) -> None:
    plain = datasets.ImageFolder(str(photos))
    same = datasets.ImageFolder(str(photos), transform=GeNIeTransform(bank, p=0.0))
    for (expected, label), (found, also) in zip(plain, same, strict=True):
        assert label == also
        assert np.array_equal(np.asarray(found), np.asarray(expected))
