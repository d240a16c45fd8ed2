"""Images as models take them: upright, in RGB, square."""

from __future__ import annotations

import struct
import warnings

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.v2 import functional as VF


def fit_to(image: Image.Image, size: int) -> Tensor:
    """Return the image upright, its shorter side resized to `size` and its centre cropped.

    The authors' preprocessing. An image of the right size is not resampled.

    Returns:
        ``(3, size, size)`` uint8.
    """
    pixels: Tensor = VF.pil_to_tensor(as_rgb(image))
    if pixels.shape[1:] == (size, size):
        return pixels
    resized = VF.resize(pixels, [size], antialias=True)
    cropped: Tensor = VF.center_crop(resized, [size, size])
    return cropped


def as_rgb(image: Image.Image) -> Image.Image:
    """Return the image as a viewer shows it, in RGB.

    Grey, palette and CMYK are converted, 16 bits scaled to 8, transparency is laid on white, and
    the EXIF orientation is applied.
    """
    upright = _upright(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        levels = np.asarray(upright, dtype=np.float64)
        # Mode "I" holds 16-bit and 8-bit values alike: only the values tell them apart.
        scale = 255 / 65535 if levels.max(initial=0) > 255 else 1.0
        return Image.fromarray((levels * scale).clip(0, 255).astype(np.uint8)).convert("RGB")
    if upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        clear = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return upright.convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF says; damaged EXIF says nothing, to viewers as well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of such damage
            return ImageOps.exif_transpose(image)
    except (
        ArithmeticError,
        LookupError,
        OSError,
        SyntaxError,
        TypeError,
        ValueError,
        struct.error,
    ):
        return image
