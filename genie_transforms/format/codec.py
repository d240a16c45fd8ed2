"""Pixels of negatives in the form of the image that they replace."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

Size = tuple[int, int]  # height, width


def decode_image(blob: memoryview, size: Size | None = None) -> Image.Image:
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
    """Turn an RGB image into ``(3, H, W)`` uint8 planes."""
    return torch.from_numpy(np.array(np.asarray(image).transpose(2, 0, 1), order="C"))


def image_of(planes: torch.Tensor) -> Image.Image:
    """Turn ``(3, H, W)`` uint8 planes into an RGB image."""
    pixels = np.empty((*planes.shape[1:], 3), dtype=np.uint8)
    for channel, plane in enumerate(planes.numpy()):  # 3 × faster than transposing at once
        pixels[..., channel] = plane
    return Image.fromarray(pixels)


def size_of(image: Image.Image | torch.Tensor) -> Size:
    """Give height and width."""
    if isinstance(image, Image.Image):
        return image.height, image.width
    return int(image.shape[-2]), int(image.shape[-1])


def encode_image(image: Tensor, image_format: str) -> dict[str, Any]:
    """Encode ``(3, H, W)`` uint8 for the column `image`."""
    sink = io.BytesIO()
    picture = VF.to_pil_image(image)
    if image_format == "png":
        picture.save(sink, format="PNG")
    else:
        picture.save(sink, format="JPEG", quality=95)
    return {"bytes": sink.getvalue(), "path": None}
