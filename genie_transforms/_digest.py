"""The content key of an image: the same for its file, its PIL image and its tensors."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from ._errors import UnsupportedSampleError
from ._rgb import rgb_image

_NUM_HEX = 32

Pixels = npt.NDArray[np.uint8]


def source_digest(image: Image.Image | torch.Tensor | npt.NDArray[Any]) -> str:
    """Hash the pixels of an image as RGB, with its size.

    The key is the same for a PIL image, its ``(C, H, W)`` uint8 tensor or `tv_tensors.Image`,
    its float tensor in [0, 1] and its ``(H, W, C)`` array. Alpha is dropped and grey levels
    are repeated, as `Image.convert("RGB")` does; EXIF rotation is not applied, as torchvision's
    loaders do not apply it.

    Returns:
        The first half of a SHA-256, as 32 hexadecimal digits.

    Raises:
        UnsupportedSampleError: The object is not an image, or is a batch of them, or neither of 8
            bits nor floats in [0, 1].
    """
    pixels = rgb_pixels(image)
    # Today's processors have instructions for SHA-256: 85 µs for 224 × 224, where
    # BLAKE2b takes 125 and MD5 200. The size goes first, so that shapes cannot be confused.
    digest = hashlib.sha256(b"%d %d " % pixels.shape[:2])
    digest.update(pixels.data)
    return digest.hexdigest()[:_NUM_HEX]


def rgb_pixels(image: Image.Image | torch.Tensor | npt.NDArray[Any]) -> Pixels:
    """Return the pixels as a contiguous ``(H, W, 3)`` uint8 array.

    Raises:
        UnsupportedSampleError: The object is not an image, or is a batch of them, or neither of 8
            bits nor floats in [0, 1].
    """
    if isinstance(image, Image.Image):
        return np.asarray(rgb_image(image))
    return _interleave(_planes(image))


def rgb_planes(image: torch.Tensor | npt.NDArray[Any]) -> tuple[Pixels, Pixels, Pixels]:
    """Return red, green and blue of a tensor or an array, each ``(H, W)`` uint8.

    Raises:
        UnsupportedSampleError: The object is not an image, or is a batch of them.
    """
    planes = _planes(image).numpy()
    return (planes[0], planes[1], planes[2]) if len(planes) >= 3 else (planes[0],) * 3


def _planes(image: torch.Tensor | npt.NDArray[Any]) -> torch.Tensor:
    """Bring a tensor or an array to ``(C, H, W)`` uint8."""
    if isinstance(image, torch.Tensor):
        planes = image.detach().as_subclass(torch.Tensor).cpu()
        return _uint8_planes(planes if planes.ndim != 2 else planes[None])
    if isinstance(image, np.ndarray):
        planes = torch.from_numpy(image if image.ndim != 2 else image[..., None])
        return _uint8_planes(planes.movedim(-1, 0) if planes.ndim == 3 else planes)
    raise UnsupportedSampleError(
        f"expected a PIL image, a tensor or an array, got {type(image).__name__}"
    )


def _uint8_planes(planes: torch.Tensor) -> torch.Tensor:
    """Bring ``(C, H, W)`` pixels to uint8; floats are taken to be in [0, 1], and rounded."""
    if planes.ndim != 3 or not 1 <= planes.shape[0] <= 4:
        raise UnsupportedSampleError(
            f"expected one image with 1 to 4 channels, got shape {tuple(planes.shape)}"
        )
    if planes.dtype == torch.uint8:
        return planes
    if planes.is_floating_point():
        # Adding ½ and truncating rounds; the clamp keeps 1 + ε from wrapping to 0.
        return torch.add(0.5, planes.float(), alpha=255).clamp_(0, 255).to(torch.uint8)
    raise UnsupportedSampleError(
        f"expected uint8 or floating-point pixels, got {planes.dtype}: convert the image first"
    )


def _interleave(planes: torch.Tensor) -> Pixels:
    """Turn ``(C, H, W)`` uint8 planes into contiguous ``(H, W, 3)`` pixels."""
    array = planes.numpy()
    interleaved = array.transpose(1, 2, 0)
    if interleaved.flags.c_contiguous and len(array) == 3:
        return interleaved
    colours = (0, 1, 2) if len(array) >= 3 else (0, 0, 0)
    pixels = np.empty((*array.shape[1:], 3), dtype=np.uint8)
    for channel, plane in enumerate(colours):  # a copy for each plane: 3 × faster than at once
        pixels[..., channel] = array[plane]
    return pixels
