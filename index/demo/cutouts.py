"""Two views of one object, for the training of the demo's encoder without labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .scenes import SceneParams, render


@dataclass(frozen=True)
class Cutouts:
    """Objects cut out of their scenes, and backgrounds without any.

    Attributes:
        objects: Light on the object and its cover, ``(N, 2, 64, 64)`` uint8.
        backgrounds: ``(B, 3, 64, 64)`` uint8.
    """

    objects: Tensor
    backgrounds: Tensor

    @classmethod
    def of(cls, params: SceneParams) -> Cutouts:
        """Cut out the objects of scenes, and render the scenes' backgrounds."""
        objects, backgrounds = [], []
        for start in range(0, len(params), 1000):
            block = params[slice(start, start + 1000)]
            images, masks = render(block)
            light = images.amax(1) * masks
            light /= light.amax((1, 2), keepdim=True)
            objects.append((torch.stack([light, masks.float()], 1) * 255).byte())
            place = block.place.clone()
            place[:, 2] = 1e-3  # too small to be seen
            backgrounds.append((render(replace(block, place=place))[0] * 255).byte())
        return cls(torch.cat(objects), torch.cat(backgrounds))

    def views(self, rows: Tensor, strength: float, rng: torch.Generator) -> Tensor:
        """Show objects again: moved, turned, in another colour, on another background.

        Colours alone tell images apart, so that one object in two colours on two backgrounds is
        what teaches shapes (Ryali et al., arXiv 2103.12719). This takes masks, but no labels.
        At full strength from the start the loss stays at chance.

        Args:
            rows: Which objects, ``(N,)`` int64.
            strength: 0 for white objects on grey, 1 for colours and backgrounds in full.
            rng: Source of randomness.

        Returns:
            ``(N, 3, 64, 64)`` float32 in [0, 1].
        """
        n = len(rows)
        objects = self.objects[rows].float() / 255
        grid = F.affine_grid(_motions(n, rng), list(objects.shape), align_corners=False)
        moved = F.grid_sample(objects, grid, align_corners=False)
        light, cover = moved[:, :1], moved[:, 1:]
        chosen = torch.randint(len(self.backgrounds), (n,), generator=rng)
        background = 0.5 + strength * (self.backgrounds[chosen].float() / 255 - 0.5)
        color = 1 - strength * torch.rand(n, 3, 1, 1, generator=rng)
        view: Tensor = background * (1 - cover) + light * color
        return view


def _motions(n: int, rng: torch.Generator) -> Tensor:
    """Draw turn, zoom and shift, ``(N, 2, 3)``."""
    angle = (torch.rand(n, generator=rng) - 0.5) * math.pi / 4
    zoom = 0.8 + 0.5 * torch.rand(n, generator=rng)
    shift = (torch.rand(n, 2, generator=rng) - 0.5) * 0.5
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    rows = [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)]
    return torch.stack(rows, 1)
