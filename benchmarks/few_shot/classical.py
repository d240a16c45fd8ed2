"""Classical augmentation with torchvision's transforms, one image at a time, and its arms."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import cycle
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from benchmarks.episodes import Episode, Pool

from .added import Added, Arm

Mixer = type[v2.MixUp] | type[v2.CutMix]
Views = Callable[[Tensor], Tensor]


@cache
def _steps(size: int, strength: str) -> v2.Compose:
    """Return one image's transforms; strengths and probabilities are MoCo v2's (Chen et al.)."""
    steps: list[v2.Transform] = [
        v2.RandomResizedCrop(size, scale=(0.2, 1.0), antialias=True),
        v2.RandomHorizontalFlip(),
    ]
    if strength == "strong":
        blur = v2.GaussianBlur(size // 10 | 1, (0.1, 2.0))  # the kernel spans a tenth of the image
        steps += [
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            v2.RandomGrayscale(0.2),
            v2.RandomApply([blur], p=0.5),
        ]
    return v2.Compose(steps)


def weak(images: Tensor) -> Tensor:
    """Crop and flip each of ``(M, 3, R, R)`` uint8 on its own."""
    return _each(images, ["weak"])


def strong(images: Tensor) -> Tensor:
    """Crop, flip, jitter colours, drop colours and blur, each of ``(M, 3, R, R)`` uint8."""
    return _each(images, ["strong"])


def mixed(images: Tensor) -> Tensor:
    """Augment every other image of ``(M, 3, R, R)`` uint8 weakly, the rest strongly."""
    return _each(images, ["weak", "strong"])


def _each(images: Tensor, strengths: list[str]) -> Tensor:
    """Transform each image on its own, with the strengths in turn."""
    size = images.shape[-1]
    return torch.stack([_steps(size, s)(i) for i, s in zip(images, cycle(strengths), strict=False)])


def blend(
    mixer: Mixer, images: Tensor, labels: Tensor, num_classes: int, alpha: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Mix each image with another one of the batch, each pair with its own ratio.

    torchvision draws one ratio for a whole batch, so it gets the pairs one by one.

    Args:
        mixer: `v2.MixUp` or `v2.CutMix`.
        images: ``(M, 3, H, W)`` uint8.
        labels: ``(M,)`` int64 in [0, `num_classes`).
        num_classes: N.
        alpha: Both parameters of the Beta distribution of the ratio.

    Returns:
        Images ``(M, 3, H, W)`` uint8, and soft labels ``(M, N)`` float32.
    """
    mix: Any = mixer(alpha=alpha, num_classes=num_classes)
    order = torch.randperm(len(images))
    partners = torch.empty_like(order)
    partners[order] = order.roll(1)  # a cycle: no image is mixed with itself
    blended = []
    for row, partner in enumerate(partners.tolist()):
        pair, soft = mix(images[[row, partner]].float(), labels[[row, partner]])
        blended.append((pair[0].round().to(torch.uint8), soft[0].float()))
    mixed_images, soft_labels = zip(*blended, strict=True)
    return torch.stack(mixed_images), torch.stack(soft_labels)


def classical(views: Views | None, mixer: Mixer | None) -> Arm:
    """Return an arm of support images that are transformed, mixed, or both."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        copies = episode.n_way - 1
        images = pool.images[episode.support_rows.repeat(copies)]
        labels = torch.from_numpy(episode.support_labels.repeat(copies))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            images = views(images) if views else images
            if mixer is None:
                soft = F.one_hot(labels, episode.n_way).float()
            else:
                images, soft = blend(mixer, images, labels, episode.n_way)
            return Added(pool.backbone(images), soft.numpy(), images=images)

    return arm


CLASSICAL: dict[str, tuple[Views | None, Mixer | None]] = {
    "weak": (weak, None),
    "strong": (strong, None),
    "mixed": (mixed, None),
    "mixup": (None, v2.MixUp),
    "cutmix": (None, v2.CutMix),
    "mixed+mixup": (mixed, v2.MixUp),
    "mixed+cutmix": (mixed, v2.CutMix),
}
"""What each classical arm does to the support, by name."""
