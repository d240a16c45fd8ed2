"""Images in RGB and at the model's size."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from index.sources.images import as_rgb, fit_to


def test_the_shorter_side_is_resized_and_the_centre_cropped() -> None:
    levels = np.zeros((8, 24, 3), dtype=np.uint8)
    levels[:, 8:16] = 200  # the middle third
    fitted = fit_to(Image.fromarray(levels), 8)
    assert (fitted.shape, fitted.dtype) == ((3, 8, 8), torch.uint8)
    assert (fitted == 200).all()
    assert fit_to(Image.fromarray(levels), 4).shape == (3, 4, 4)


def test_an_image_of_the_right_size_is_not_touched() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    assert torch.equal(
        fit_to(Image.fromarray(levels), 5), torch.from_numpy(levels).permute(2, 0, 1)
    )


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", (10, 0), (255, 255, 255)),
        ("I;16", 40000, (155, 155, 155)),
        ("I", 200, (200, 200, 200)),
        ("F", 20.0, (20, 20, 20)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, value: Any, expected: tuple[int, int, int]) -> None:
    converted = as_rgb(Image.new(mode, (2, 3), value))
    assert (converted.mode, converted.size) == ("RGB", (2, 3))
    assert converted.getpixel((1, 1)) == expected


def test_palettes_and_exif_rotation(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 2, 2))
    palette = as_rgb(image.convert("P", palette=Image.Palette.ADAPTIVE))
    assert palette.tobytes() == image.tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it right
    image.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as file:
        upright, fitted = as_rgb(file), fit_to(file, 2)
    assert upright.size == (2, 4)
    assert upright.getpixel((0, 0)) == (0, 0, 255)
    assert fitted[2].tolist() == [[255, 255], [0, 0]]  # blue above red, as in the upright one
