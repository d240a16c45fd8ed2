"""What the demo's frozen encoder says of images, as input of a linear classifier."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from index.demo import SIZE, load_encoder
from index.sources import fit_to

NUM_FEATURES = 256


class Features:
    """A transform from images to features ``(256,)`` float32, of length √256.

    Images are not augmented, so that each goes through the encoder once.
    """

    def __init__(self) -> None:
        self._encoder = load_encoder()
        self._known: dict[bytes, Tensor] = {}

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the features of an RGB image."""
        pixels = image.tobytes()
        if pixels not in self._known:
            self._known[pixels] = self.of(fit_to(image, SIZE)[None])[0]
        return self._known[pixels]

    @torch.no_grad()
    def of(self, pixels: Tensor) -> Tensor:
        """Return the features ``(N, 256)`` of images ``(N, 3, 64, 64)`` uint8."""
        parts = [self._encoder(part.float() / 255) for part in torch.split(pixels, 128)]
        found: Tensor = F.normalize(torch.cat(parts)) * NUM_FEATURES**0.5
        return found
