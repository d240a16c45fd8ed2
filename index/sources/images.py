"""What every shard of a build shares, and how a swept pair is judged with it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF


def fit_to(image: Image.Image, size: int) -> Tensor:
    """Resize the shorter side and crop the centre, as the authors do: ``(3, size, size)`` uint8."""
    pixels: Tensor = VF.pil_to_tensor(image)
    if pixels.shape[1:] == (size, size):
        return pixels
    steps = v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size)])
    fitted: Tensor = steps(pixels)
    return fitted


def as_rgb(image: Image.Image) -> Image.Image:
    """Give the picture as one sees it, in RGB.

    Grey, palette and CMYK are converted, 16 bits scaled to 8, transparency is laid on white, and
    the EXIF orientation is applied.
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        levels = np.asarray(upright, dtype=np.float64)
        scale = 255 / 65535 if levels.max(initial=0) > 255 else 1.0
        return Image.fromarray((levels * scale).clip(0, 255).astype(np.uint8)).convert("RGB")
    if upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        clear = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return upright.convert("RGB")
