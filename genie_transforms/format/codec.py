"""Images as a bank stores them, and in the forms that training and building need."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

from genie_transforms._errors import BankFormatError

Size = tuple[int, int]
"""Height and width, in pixels."""


_JPEG_QUALITY = 95


_MAX_PIXELS = 2**25
"""Pixels of an image that is decoded: 5,792 a side, which take 134 MB."""


_FORMATS = ("PNG", "JPEG")
_SCAN = b"\xff\xda"
_MAX_SCANS = 100  # of a JPEG; a progressive one has about 10, and each costs a pass over all pixels


# All that Pillow's readers raise when a file is damaged.
_PILLOW_ERRORS = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, SyntaxError,
    TypeError, ValueError, struct.error, Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # fmt: skip


def encode_image(image: torch.Tensor, image_format: str) -> dict[str, Any]:
    """Encode ``(3, H, W)`` uint8 planes for the column `image`.

    Args:
        image: The planes, on any device.
        image_format: "png", or "jpeg" with quality 95.
    """
    sink = io.BytesIO()
    rgb = image_of(image.cpu())
    if image_format == "png":
        rgb.save(sink, format="PNG")
    else:
        rgb.save(sink, format="JPEG", quality=_JPEG_QUALITY)
    return {"bytes": sink.getvalue(), "path": None}


def decode_image(blob: bytes | memoryview, size: Size | None = None) -> Image.Image:
    """Decode an image to RGB; with a size, scale and crop it to that, as `fit` does.

    Raises:
        BankFormatError: It is neither PNG nor JPEG, is damaged, or has more than 2^25 pixels.
    """
    image = open_image(blob)
    # JPEG decodes to 1/2, 1/4 or 1/8 directly, at a fraction of the cost. Double size is asked
    # for, so that what remains is still a filtered reduction.
    double = None if size is None else (2 * size[1], 2 * size[0])
    try:
        if double is not None:
            image.draft("RGB", double)
        rgb = image.convert("RGB")
    except _PILLOW_ERRORS as error:
        raise BankFormatError(f"the image does not decode: {error}") from error
    return rgb if size is None else fit(rgb, size)


def open_image(blob: bytes | memoryview) -> Image.Image:
    """Open an image of a bank, whoever made that, without decoding it.

    Raises:
        BankFormatError: As `decode_image`.
    """
    data = bytes(blob)
    try:
        # Only these: Pillow would start Ghostscript for PostScript.
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except _PILLOW_ERRORS as error:
        raise BankFormatError(f"the image does not decode: {error}") from error
    if image.width * image.height > _MAX_PIXELS:
        raise BankFormatError(
            f"the image has {image.width} × {image.height} pixels, more than {_MAX_PIXELS}"
        )
    if image.format != "PNG" and data.count(_SCAN) > _MAX_SCANS:
        raise BankFormatError(f"the image does not decode: more than {_MAX_SCANS} scans")
    return image


def fit(image: Image.Image, size: Size) -> Image.Image:
    """Scale an image to cover `size` and crop its centre: nothing is stretched."""
    if image.size == (size[1], size[0]):
        return image
    return ImageOps.fit(image, (size[1], size[0]), method=Image.Resampling.BILINEAR)


def planes_of(image: Image.Image) -> torch.Tensor:
    """Return the pixels of an RGB image as ``(3, H, W)`` uint8 planes."""
    return torch.from_numpy(np.array(np.asarray(image).transpose(2, 0, 1), order="C"))


def image_of(planes: torch.Tensor) -> Image.Image:
    """Return ``(3, H, W)`` uint8 planes as an RGB image."""
    # Pillow interleaves planes, which it reads where they lie, twice as fast as NumPy.
    size = (planes.shape[2], planes.shape[1])
    bands = [Image.frombuffer("L", size, plane, "raw", "L", 0, 1) for plane in _contiguous(planes)]
    return Image.merge("RGB", bands)


def _contiguous(planes: torch.Tensor) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(planes.numpy())


def size_of(image: Image.Image | torch.Tensor) -> Size:
    """Return height and width of an image, or of ``(…, H, W)`` pixels."""
    if isinstance(image, Image.Image):
        return image.height, image.width
    return int(image.shape[-2]), int(image.shape[-1])
