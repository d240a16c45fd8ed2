"""The fast key of an image: one for all its forms, and not what Pillow pads with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xxhash
from PIL import Image

from genie_transforms import UnsupportedSampleError
from genie_transforms.format import pixel_key
from tests.banks import source_image


def test_the_key_is_that_of_rgb_words() -> None:
    # Written out by hand: what is on disk must be found by every later version.
    image = Image.new("RGB", (3, 2), (1, 2, 3))
    assert pixel_key(image) == xxhash.xxh3_128_digest(bytes([1, 2, 3, 0]) * 6, seed=2 << 32 | 3)


@pytest.mark.parametrize("size", [1, 7, 16])
def test_all_forms_of_an_image_have_one_key(size: int) -> None:
    image = source_image(3, size)
    pixels = np.array(image)
    planes = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    alpha = image.convert("RGBA")
    alpha.putalpha(77)
    rgba = torch.from_numpy(np.array(alpha)).movedim(-1, 0)
    for form in (pixels, planes, planes.float() / 255, alpha, rgba):
        assert pixel_key(form) == pixel_key(image)
    grey = image.convert("L")
    for form in (np.array(grey), torch.from_numpy(np.array(grey))[None], grey.convert("RGB")):
        assert pixel_key(form) == pixel_key(grey)


def test_other_pixels_or_another_shape_have_another_key() -> None:
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    keys = {pixel_key(pixels), pixel_key(pixels.reshape(6, 4, 3))}
    for place in range(3):
        changed = pixels.copy()
        changed[3, 5, place] = 1
        keys.add(pixel_key(changed))
    assert len(keys) == 5


def test_the_byte_that_pillow_pads_with_plays_no_part() -> None:
    image = source_image(1, 8)
    resized = image.resize((8, 8), box=(0, 0, 8, 8))  # pads with 0
    merged = Image.merge("RGB", image.split())
    cropped = Image.new("RGB", (20, 20)).crop((2, 2, 10, 10))
    cropped.paste(image)
    black = Image.frombytes("RGB", (8, 8), image.tobytes("raw", "RGBX"), "raw", "RGBX")
    assert {pixel_key(form) for form in (image, resized, merged, cropped, black)} == {
        pixel_key(np.array(image))
    }


def test_an_image_in_several_pieces_of_memory_has_the_same_key() -> None:
    image = Image.effect_noise((2600, 2600), 50).convert("RGB")  # beyond 16 MiB Pillow splits
    assert pixel_key(image) == pixel_key(np.array(image))


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(UnsupportedSampleError):
        pixel_key(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
