"""Images in and out: exact where the format is, close where it is not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from genie_transforms import BankFormatError
from genie_transforms.format import (
    codec,
    decode_image,
    encode_image,
    fit,
    image_of,
    planes_of,
    size_of,
)


def noise(height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def gradient(height: int, width: int) -> torch.Tensor:
    """What JPEG is made for: smooth planes."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    planes = torch.stack([rows * 255 / height, columns * 255 / width, (rows + columns) / 2])
    return planes.to(torch.uint8)


def test_png_comes_back_exactly() -> None:
    planes = noise(5, 7)
    cell = encode_image(planes, "png")
    assert cell["path"] is None
    assert cell["bytes"].startswith(b"\x89PNG")
    assert torch.equal(planes_of(decode_image(cell["bytes"])), planes)
    assert encode_image(planes, "png") == cell


def test_jpeg_comes_back_nearly() -> None:
    planes = gradient(64, 48)
    cell = encode_image(planes, "jpeg")
    assert cell["bytes"].startswith(b"\xff\xd8")
    found = planes_of(decode_image(memoryview(cell["bytes"])))
    assert found.shape == planes.shape
    assert (found.int() - planes.int()).abs().float().mean() < 1.5


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_every_image_is_decoded_to_rgb(mode: str) -> None:
    sink = io.BytesIO()
    Image.new("RGB", (4, 3), (10, 10, 10)).convert(mode).save(sink, "PNG")
    image = decode_image(sink.getvalue())
    assert image.mode == "RGB"
    assert np.unique(np.asarray(image)).tolist() == [10]


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_decoding_to_a_size_is_decoding_then_fitting(image_format: str) -> None:
    blob = encode_image(gradient(64, 48), image_format)["bytes"]
    small = planes_of(decode_image(blob, (16, 12))).int()
    expected = planes_of(fit(decode_image(blob), (16, 12))).int()
    assert small.shape == (3, 16, 12)
    assert (small - expected).abs().max() <= (0 if image_format == "png" else 12)


def test_fit_crops_the_centre_and_stretches_nothing() -> None:
    planes = torch.zeros(3, 4, 8, dtype=torch.uint8)
    planes[:, :, :2], planes[:, :, 6:] = 200, 100  # what must be cut off
    assert not planes_of(fit(image_of(planes), (4, 4))).any()
    image = image_of(planes)
    assert fit(image, (4, 8)) is image
    assert size_of(fit(image, (8, 8))) == (8, 8)


def test_planes_and_image_are_inverse() -> None:
    planes = noise(5, 7)
    image = image_of(planes)
    assert image.mode == "RGB"
    assert size_of(image) == size_of(planes) == (5, 7)
    assert image.getpixel((6, 0)) == tuple(planes[:, 0, 6].tolist())
    assert torch.equal(planes_of(image), planes)
    assert planes_of(image).is_contiguous()


@pytest.mark.parametrize("image_format", ["GIF", "BMP", "TIFF", "WEBP", "EPS", "PDF"])
def test_only_png_and_jpeg_are_opened(image_format: str) -> None:
    sink = io.BytesIO()
    Image.new("RGB", (4, 3)).save(sink, image_format)
    with pytest.raises(BankFormatError, match="does not decode: cannot identify"):
        decode_image(sink.getvalue())


def test_pixels_are_bounded_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = encode_image(noise(5, 7), "png")["bytes"]
    monkeypatch.setattr(codec, "_MAX_PIXELS", 35)
    assert decode_image(blob).size == (7, 5)
    monkeypatch.setattr(codec, "_MAX_PIXELS", 34)
    with pytest.raises(BankFormatError, match="7 × 5 pixels, more than 34"):
        decode_image(blob)


def test_a_jpeg_of_too_many_scans() -> None:
    sink = io.BytesIO()
    Image.new("L", (16, 16)).save(sink, "JPEG", progressive=True)
    blob = sink.getvalue()
    last = blob.rindex(b"\xff\xda")
    decode_image(blob)
    with pytest.raises(BankFormatError, match="more than 100 scans"):
        decode_image(blob[:last] + blob[last:-2] * 100 + blob[-2:])


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_damaged_images(image_format: str) -> None:
    blob = encode_image(noise(16, 16), image_format)["bytes"]
    for end in (0, 1, 10, 40, len(blob) // 2):
        with pytest.raises(BankFormatError, match="does not decode"):
            decode_image(blob[:end])
