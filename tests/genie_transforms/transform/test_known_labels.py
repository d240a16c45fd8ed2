"""Labels of images that the bank knows, compared with its classes at the first ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import pil_to_tensor

from genie_transforms import Bank, GeNIeTransform, UserError, WithTransforms
from tests.banks import source_image, write_bank

OTHER_ORDER = (
    r"label \d, which is '\w+' here, is of class '\w+' in the bank .*, as 3 of the 3 images"
)


class Listed(Dataset[Any]):
    """Samples with their labels as `targets`, and no class names."""

    def __init__(self, samples: list[tuple[Image.Image, int]]) -> None:
        self.samples, self.targets = samples, [label for _, label in samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return self.samples[index]


@pytest.mark.parametrize("form", ["pil", "uint8", "float"])
@pytest.mark.parametrize("p", [0, 1])
def test_labels_in_another_order_are_seen_at_the_first_images(
    tmp_path: Path, form: str, p: float
) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", known=True))
    images: list[Any] = [source_image(index) for index in range(30)]
    if form != "pil":
        images = [pil_to_tensor(image) for image in images]
    if form == "float":
        images = [image / 255 for image in images]
    transform = GeNIeTransform(bank, p=p)
    with pytest.warns(UserWarning, match=r"label 1, which is 'dog' here, is of class 'cat' in the"):
        transform((images[0], 1))
    transform((images[1], 2))
    with pytest.raises(UserError, match=OTHER_ORDER):
        transform((images[2], 0))


def test_a_label_that_was_corrected_is_warned_of_once(tmp_path: Path) -> None:
    transform = GeNIeTransform(Bank.open(write_bank(tmp_path / "bank", known=True)), p=1)
    for index in range(90, 120):
        transform((source_image(index), 0))  # unknown, so of any class
    with pytest.warns(UserWarning, match="if labels have been corrected since the build"):
        transform((source_image(3), 1))
    for index in (0, 1, 2, 4, 5):
        transform((source_image(index), index % 3))
    for index in (6, 7, 8):  # 4 wrong of 9 in the end, never most of them
        transform((source_image(index), (index + 1) % 3))
    for index in range(9, 16):
        transform((source_image(index), index % 3))
    for index in range(16, 30):  # behind the first 16 nobody looks
        transform((source_image(index), (index + 1) % 3))


def test_a_class_that_was_merged_into_another_is_no_other_order(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", known=True))
    with pytest.warns(UserWarning, match="out of reach"):
        transform = GeNIeTransform(bank, p=1, classes=["cat", "bird"])
    for index in range(30):
        transform((source_image(index), index % 3 // 2))  # dogs are cats


def test_workers_count_together_over_epochs(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", known=True))
    samples = [(source_image(index), index % 3) for index in range(29)] + [(source_image(29), 0)]
    transform = GeNIeTransform(bank, p=0)
    dataset = WithTransforms(Listed(samples), v2.Compose([transform, v2.ToImage()]))
    for _ in range(3):  # an epoch has ten labels a worker, so that each would see the last one
        for _ in DataLoader(dataset, batch_size=None, num_workers=3):
            pass
    counts = transform._chooser.state.labels
    assert counts.known >= 16
    assert counts.wrong <= 1


def test_lazy_samples_that_stay_are_compared(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", known=True))
    photos = Listed([(source_image(index), (index + 1) % 3) for index in range(30)])
    dataset = WithTransforms(photos, GeNIeTransform(bank, p=0.5, size="stored"), lazy=True)
    with pytest.warns(UserWarning, match="another order"), pytest.raises(UserError, match="3 of"):
        list(dataset)


def test_batches_in_another_order_are_seen(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", known=True))
    images = torch.stack([pil_to_tensor(source_image(index)) for index in range(6)])
    labels = torch.arange(6) % 3
    GeNIeTransform(bank, p=1)(images, labels)
    state = torch.get_rng_state()
    with (
        pytest.warns(UserWarning, match="other order"),
        pytest.raises(UserError, match=OTHER_ORDER),
    ):
        GeNIeTransform(bank, p=1)(images, (labels + 1) % 3)
    assert torch.equal(torch.get_rng_state(), state)  # refused before anything is drawn
