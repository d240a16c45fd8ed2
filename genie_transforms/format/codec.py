"""Images as a bank stores them, and in the forms that training and building need."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

Size = tuple[int, int]
"""Height and width, in pixels."""


_JPEG_QUALITY = 95


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
    """Decode an image to RGB; with a size, scale and crop it to that, as `fit` does."""
    image = Image.open(io.BytesIO(blob))
    if size is not None:
        # JPEG decodes to 1/2, 1/4 or 1/8 directly, at a fraction of the cost. Double size is
        # asked for, so that what remains is still a filtered reduction.
        image.draft("RGB", (2 * size[1], 2 * size[0]))
    rgb = image.convert("RGB")
    return rgb if size is None else fit(rgb, size)


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
    pixels = np.empty((*planes.shape[1:], 3), dtype=np.uint8)
    for channel, plane in enumerate(planes.numpy()):  # 3 × faster than transposing at once
        pixels[..., channel] = plane
    return Image.fromarray(pixels)


def size_of(image: Image.Image | torch.Tensor) -> Size:
    """Return height and width of an image, or of ``(…, H, W)`` pixels."""
    if isinstance(image, Image.Image):
        return image.height, image.width
    return int(image.shape[-2]), int(image.shape[-1])
