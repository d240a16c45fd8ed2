"""What generated images keep of their sources."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F


def background_psnr(images: Tensor, sources: Tensor, masks: Tensor) -> np.ndarray:
    """Return the PSNR outside the source's object, whose mask is grown by 3 pixels.

    Args:
        images: ``(P, R, 3, H, W)`` uint8.
        sources: ``(P, 3, H, W)`` uint8.
        masks: Objects of the sources, ``(P, H, W)`` bool.

    Returns:
        ``(P, R)`` float64, dB.
    """
    grown = F.max_pool2d(masks[:, None].float(), 7, stride=1, padding=3)
    keep = (1 - grown)[:, None]  # (P, 1, 1, H, W)
    error = (images.float() - sources[:, None].float()) / 255
    mse = (error.square() * keep).sum((2, 3, 4)) / (3 * keep.sum((2, 3, 4)))
    psnr: np.ndarray = (-10 * mse.clamp_min(1e-10).log10()).double().numpy()
    return psnr
