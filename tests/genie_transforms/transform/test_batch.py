"""Whole batches: every layout and dtype gives the pixels that single samples give."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

from genie_transforms import Bank, GeNIeTransform
from genie_transforms._transform.batch import replace_rows
from genie_transforms._transform.convert import Converter
from tests.banks import SIZE, negative_colour, write_bank

ROWS = [-1, 3, -1, -1, 7, 3, 11, -1]
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


@pytest.fixture(params=["decoded", "encoded"])
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Bank:
    bank = Bank.open(write_bank(tmp_path / "bank"))
    return bank.decoded(SIZE) if request.param == "decoded" else bank


def raw_images() -> torch.Tensor:
    return torch.randint(0, 256, (len(ROWS), 3, SIZE, SIZE), dtype=torch.uint8)


def expected(images: torch.Tensor) -> torch.Tensor:
    """Write the colours of the negatives by hand, for uint8 images."""
    wanted = images.clone(memory_format=torch.contiguous_format)
    for place, row in enumerate(ROWS):
        if row >= 0:
            wanted[place] = torch.tensor(negative_colour(row), dtype=torch.uint8)[:, None, None]
    return wanted


def replaced(images: torch.Tensor, bank: Bank, *, in_place: bool = False) -> torch.Tensor:
    floats = images.is_floating_point()
    converter = Converter(MEAN, STD) if floats else Converter(None, None)
    rows = torch.tensor(ROWS).numpy()
    return replace_rows(images, rows, bank, converter, in_place=in_place)


LAYOUTS = {
    "contiguous": lambda images: images,
    "channels last": lambda images: images.contiguous(memory_format=torch.channels_last),
    "strided": lambda images: images.repeat_interleave(2, dim=0)[::2],
    "flipped view": lambda images: images.transpose(2, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_uint8(bank: Bank, layout: str) -> None:
    images = LAYOUTS[layout](raw_images())
    before = images.clone()
    wanted = expected(images)
    result = replaced(images, bank)
    assert torch.equal(result, wanted)
    assert torch.equal(images, before)
    assert torch.equal(replaced(images, bank, in_place=True), wanted)
    assert torch.equal(images, wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_normalised_floats(bank: Bank, layout: str) -> None:
    raw = raw_images()
    wanted = functional.normalize(functional.to_dtype(expected(raw), scale=True), MEAN, STD)
    scaled = functional.normalize(functional.to_dtype(raw, scale=True), MEAN, STD)
    images = LAYOUTS[layout](scaled)
    if layout == "flipped view":
        wanted = wanted.transpose(2, 3)
    before = images.clone()
    result = replaced(images, bank)
    torch.testing.assert_close(result, wanted, rtol=1e-5, atol=1e-6)
    assert torch.equal(images, before)
    kept = [place for place, row in enumerate(ROWS) if row < 0]
    assert torch.equal(result[kept], before[kept])
    torch.testing.assert_close(replaced(images, bank, in_place=True), result, rtol=0, atol=0)
    assert torch.equal(images, result)


def test_floats_on_another_scale_than_mean_and_std_are_refused(bank: Bank) -> None:
    bytes_ = raw_images().float()
    with pytest.raises(ValueError, match=r"would be pixels in \[0\.\d+, \d\d+\]"):
        replaced(bytes_, bank)
    noisy = functional.normalize(bytes_ / 255, MEAN, STD)
    noisy[:, :, 0] = torch.randn(noisy[:, :, 0].shape, generator=torch.manual_seed(0))
    replaced(noisy, bank)  # random erasing leaves such pixels
    plain = Converter([0.0] * 3, [1.0] * 3)  # as some of timm's models have it
    noise = torch.randn(len(ROWS), 3, SIZE, SIZE, generator=torch.manual_seed(0)) * 1.3
    assert noise.abs().max() > 4
    replace_rows(noise, np.array(ROWS), bank, plain, in_place=False)
    plain = Converter([0.0] * 3, [1.0] * 3)
    with pytest.raises(ValueError, match="which should be in"):
        replace_rows(bytes_, np.array(ROWS), bank, plain, in_place=False)


def test_images_that_are_not_yet_normalised_are_warned_of(bank: Bank) -> None:
    images = raw_images() / 255
    with pytest.warns(UserWarning, match="the first 8 images lie within .* behind Normalize"):
        replaced(images, bank)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replaced(functional.normalize(images, MEAN, STD), bank)
        # Some of timm's models are trained with a mean of 0 and a deviation of 1.
        replace_rows(images, np.array(ROWS), bank, Converter([0.0] * 3, [1.0] * 3), in_place=False)


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.int64])
def test_bytes_in_a_wider_dtype_are_refused(bank: Bank, dtype: torch.dtype) -> None:
    images = raw_images()
    with pytest.raises(ValueError, match=f"images of {dtype} hold 0 … 2\\d\\d, as bytes do"):
        replaced(images.to(dtype), bank)
    dark = torch.zeros(8, 3, 16, 16, dtype=dtype)
    dark[0] = 119
    if dtype == torch.int16:  # one dark image of eight that are black says nothing yet
        replace_rows(dark, np.full(8, 5), bank, Converter(None, None), in_place=False)
    full = functional.to_dtype(images, dtype, scale=True)
    back = functional.to_dtype(replaced(full, bank), torch.uint8, scale=True)
    assert torch.equal(back, expected(images))


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(bank: Bank, channels: int) -> None:
    images = torch.zeros(len(ROWS), channels, SIZE, SIZE, dtype=torch.uint8)
    result = replaced(images, bank)
    red, green, blue = negative_colour(7)
    grey = round(0.299 * red + 0.587 * green + 0.114 * blue)
    colours = [grey] if channels == 1 else [red, green, blue, 255]
    assert result[4, :, 0, 0].tolist() == pytest.approx(colours, abs=1)
    assert (result[0] == 0).all()


def replaced_by(images: torch.Tensor, rows: list[int], bank: Bank) -> torch.Tensor:
    chosen = torch.tensor(rows).numpy()
    return replace_rows(images, chosen, bank, Converter(None, None), in_place=False)


@pytest.mark.parametrize("rows", [[-1] * 8, [5] * 8])
def test_none_and_all(bank: Bank, rows: list[int]) -> None:
    images = raw_images()
    result = replaced_by(images, rows, bank)
    assert result is not images
    if rows[0] < 0:
        assert torch.equal(result, images)
    else:
        colour = torch.tensor(negative_colour(5), dtype=torch.uint8)
        assert torch.equal(result, colour[:, None, None].expand(8, 3, SIZE, SIZE))


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("wrap", [torch.as_tensor, tv_tensors.Image])
def test_in_place_of_the_transform(bank: Bank, in_place: bool, wrap: Any) -> None:
    images = wrap(raw_images())
    before = images.clone()
    labels = torch.arange(8) % 3
    result, same = GeNIeTransform(bank, p=1, in_place=in_place)(images, labels)
    assert type(result) is type(images)
    assert torch.equal(same, labels)
    shared = result.data_ptr() == images.data_ptr()
    assert shared == in_place
    assert torch.equal(images, before) != in_place
    for image, label in zip(result, labels.tolist(), strict=True):
        assert bank[int(image[0, 0, 0])].label == label


def test_the_batch_of_an_empty_loader(bank: Bank) -> None:
    images, labels = GeNIeTransform(bank, p=1)(
        torch.zeros(0, 3, SIZE, SIZE, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64)
    )
    assert len(images) == len(labels) == 0
