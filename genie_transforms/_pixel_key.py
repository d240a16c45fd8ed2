"""A fast key of an image's pixels, by which it is looked up: a tenth of the time of a SHA-256."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
from PIL import Image

from ._rgb import rgb_image

if TYPE_CHECKING:
    import torch  # whoever reads no more than a manifest does not wait for it

PIXEL_HASH = "xxh3-128"
"""The name of the hash, which a bank states beside its keys."""

NUM_KEY_BYTES = 16

Words = npt.NDArray[np.uint32]

# Pillow keeps a pixel of RGB in four bytes. What the fourth holds depends on who made the image.
_RGB = np.uint32(0x00FFFFFF if sys.byteorder == "little" else 0xFFFFFF00)


def pixel_key(image: Image.Image | torch.Tensor | npt.NDArray[Any]) -> bytes:
    """Hash the pixels of an image as RGB, with its size, for finding it again.

    Alike and different are as for `source_digest`, which stays the name of an image: seeds and
    rows have that. This one is not made to withstand anybody who looks for two images alike.

    Returns:
        The XXH3-128 of the pixels, each as the bytes R, G, B, 0, seeded with height and width;
        16 bytes.

    Raises:
        UnsupportedSampleError: The object is not an image, or is a batch of them, or a PIL image of
            more than 8 bits.
    """
    words, height, width = _words(image)
    return xxhash.xxh3_128_digest(words.data, seed=height << 32 | width)


def _words(image: Image.Image | torch.Tensor | npt.NDArray[Any]) -> tuple[Words, int, int]:
    """Return a word for each pixel, R in its first byte in memory; then height and width."""
    if isinstance(image, Image.Image):
        rgb = rgb_image(image)
        words = np.frombuffer(_pillow_memory(rgb), dtype=np.uint32)
        return words & _RGB, rgb.height, rgb.width
    from ._digest import rgb_planes

    red, green, blue = rgb_planes(image)
    if sys.byteorder == "big":
        red, blue = blue, red
    # In three passes over whole words: byte by byte into a new array takes half as long again.
    words = blue.astype(np.uint32)
    words <<= 8
    words |= green
    words <<= 8
    words |= red
    if sys.byteorder == "big":
        words <<= 8
    return words.ravel(), *red.shape


def _pillow_memory(rgb: Image.Image) -> Any:
    """Return the memory of an RGB image, four bytes a pixel: the image's own where that can be."""
    if hasattr(rgb, "__arrow_c_array__"):  # since Pillow 11.2
        try:
            return pa.array(rgb).buffers()[-1]
        except ValueError:  # a large image lies in several pieces
            pass
    return rgb.tobytes("raw", "RGBX")
