"""Pixels of negatives in the form of the image that they replace."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

from genie_transforms._errors import UnsupportedSampleError
from genie_transforms.format import image_of

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_NUM_CHECKED = 8
_NEARLY_BLACK = 0.02


class Converter:
    """Bring uint8 RGB pixels to the type, dtype, device and channels of another image.

    Args:
        mean: Mean of each channel that float images were normalised with, in [0, 1].
        std: Standard deviation, likewise.
    """

    def __init__(self, mean: Sequence[float] | None, std: Sequence[float] | None) -> None:
        if (mean is None) != (std is None):
            raise ValueError(f"mean and std go together, got mean={mean} and std={std}")
        for name, values in (("mean", mean), ("std", std)):
            if values is not None and not np.iterable(values):
                raise ValueError(f"{name} has a number for each channel, got {values!r}")
        if std is not None and not (len(std) and all(0 < value <= 1 for value in std)):
            raise ValueError(
                f"std must be positive and at most 1, got {tuple(std)}: it is of pixels in [0, 1], "
                "so divide what is of 0 … 255 by 255"
            )
        if mean is not None and not all(0 <= value <= 1 for value in mean):
            raise ValueError(
                f"mean must be in [0, 1], got {tuple(mean)}: it is of pixels in [0, 1], so divide "
                "what is of 0 … 255 by 255"
            )
        self.mean = None if mean is None else tuple(float(value) for value in mean)
        self.std = None if std is None else tuple(float(value) for value in std)
        # By a mean of 0 and a deviation of 1 nothing is changed, as some of timm's models have it.
        self._normalises = any(self.mean or ()) or any(value != 1 for value in self.std or ())
        self._num_checked, self._num_plain, self._highest = 0, 0, 0.0
        self._constants: dict[Any, tuple[torch.Tensor, torch.Tensor]] = {}

    def like(self, planes: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Convert ``(..., C, H, W)`` uint8 planes to the dtype of `image`, on their device."""
        if planes.dtype == image.dtype:
            return planes  # no copy: callers write it into memory of their own
        if not image.is_floating_point():
            converted: torch.Tensor = functional.to_dtype(planes, image.dtype, scale=True)
            return converted
        return self.scale(planes, torch.empty_like(planes, dtype=image.dtype))

    def scale(self, planes: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Write uint8 planes into a float tensor, scaled to [0, 1] and normalised."""
        if self.mean is None or self.std is None:
            # Converting and scaling in two passes is faster than one call that does both.
            return out.copy_(planes).mul_(1 / 255)
        # (x / 255 - mean) / std as one factor and one shift, rounded once, from float64.
        key = (out.dtype, out.device)
        if key not in self._constants:
            std, mean = (
                torch.tensor(values, dtype=torch.float64)[:, None, None]
                for values in (self.std, self.mean)
            )
            self._constants[key] = ((1 / (255 * std)).to(*key[::-1]), (mean / std).to(*key[::-1]))
        factor, shift = self._constants[key]
        return out.copy_(planes).mul_(factor).sub_(shift)

    def undo(self, image: torch.Tensor) -> torch.Tensor:
        """Return a float image without its normalisation; any other image as it is."""
        if self.mean is None or self.std is None or not image.is_floating_point():
            return image
        plain = image.as_subclass(torch.Tensor)
        mean, std = (plain.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return plain * std + mean

    def check_range(self, image: torch.Tensor) -> None:
        """Refuse pixels that are not on the scale of the negatives, at the first images only.

        Raises:
            ValueError: Floats lie outside [0, 1], or far outside of it once mean and std are
                undone; or whole numbers of more than 8 bits are none above 255.

        Warns:
            UserWarning: Mean and std are given, and images look as if they were not normalised.
        """
        if self._num_checked >= _NUM_CHECKED or image.dtype == torch.uint8 or not image.numel():
            return
        # Eight images tell the scale; a whole batch would be read from memory once more.
        sample = image.detach().as_subclass(torch.Tensor)
        sample = sample.reshape(-1, *image.shape[-3:])[:_NUM_CHECKED]
        pixels = sample.float()
        low, high = float(pixels.amin()), float(pixels.amax())
        # A black image fits every scale, so it does not count.
        count = int((pixels.flatten(1).abs().amax(1) > _NEARLY_BLACK).sum())
        self._num_checked += count
        self._num_plain += count if low >= 0 and high <= 1 else 0
        self._highest = max(self._highest, high)
        if not image.is_floating_point():
            self._check_whole(image.dtype)
        elif self.mean is None:
            _check_plain(low, high)
        else:
            self._check_normalised(self.undo(pixels))
        if self._normalises and self._num_plain == self._num_checked >= _NUM_CHECKED:
            warnings.warn(
                f"the first {self._num_plain} images lie within [0, 1], as normalised ones hardly "
                f"do, and mean={self.mean} and std={self.std} are given: put GeNIeTransform behind "
                "Normalize, or leave them away, or negatives are normalised twice",
                stacklevel=2,
            )

    def _check_whole(self, dtype: torch.dtype) -> None:
        # Nobody keeps pixels in 32 bits for their depth; in 16 bits some images are only dark.
        enough = self._num_checked >= _NUM_CHECKED or torch.iinfo(dtype).bits > 16
        if torch.iinfo(dtype).max > 255 >= self._highest > 1 and enough:
            raise ValueError(
                f"images of {dtype} hold 0 … {self._highest:.0f}, as bytes do, and negatives "
                "would reach the largest number of their dtype: convert them to torch.uint8"
            )

    def _check_normalised(self, undone: torch.Tensor) -> None:
        # Random erasing writes noise of deviation 1, which no pixel is, but which ends somewhere.
        mean, std = np.array(self.mean), np.array(self.std)
        least, most = min(-2.0, (mean - 8 * std).min()), max(3.0, (mean + 8 * std).max())
        low, high = float(undone.amin()), float(undone.amax())
        if low < least or high > most:
            raise ValueError(
                f"without mean= and std= float images would be pixels in [{low:.3g}, {high:.3g}], "
                "which should be in [0, 1]: pass those that they were normalised with"
            )


def _check_plain(low: float, high: float) -> None:
    # Resizing and rounding to half precision overshoot a little.
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(
            f"float images must be in [0, 1], got [{low:.3g}, {high:.3g}]: if they are "
            f"normalised, pass the same mean= and std= to GeNIeTransform"
        )


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return an RGB image in another mode of PIL; itself if it is RGB."""
    if mode == "RGB":
        return image
    # By default Pillow takes the 216 colours of its web palette, and dithers.
    palette = Image.Palette.ADAPTIVE if mode == "P" else Image.Palette.WEB
    return image.convert(mode, palette=palette)


def with_channels(planes: torch.Tensor, num_channels: int) -> torch.Tensor:
    """Bring ``(3, H, W)`` uint8 planes to 1 (grey), 3 or 4 (opaque) channels.

    Raises:
        UnsupportedSampleError: `num_channels` is another number.
    """
    if num_channels == 3:
        return planes
    if num_channels not in _MODES:
        raise UnsupportedSampleError(
            f"an image with {num_channels} channels cannot be replaced: 1, 3 or 4 are supported"
        )
    pixels = np.asarray(image_of(planes).convert(_MODES[num_channels]))
    pixels = pixels.reshape(*planes.shape[1:], num_channels)
    return torch.from_numpy(np.array(pixels.transpose(2, 0, 1), order="C"))


def wrap_like(pixels: torch.Tensor, image: torch.Tensor) -> Any:
    """Return a tensor as the class of `image`: plain, or `tv_tensors.Image`."""
    if isinstance(image, tv_tensors.TVTensor):
        return tv_tensors.wrap(pixels, like=image)
    return pixels
