"""The protocol of the authors' code, which is not the paper's: `--protocol authors`.

In the paper every arm has as many labelled images. In the code a head learns from five augmented
views of each real support image and from one view of each generated one (5 : 4 with one shot, where
the paper's is 1 : 4); MixUp and CutMix come on top, as many mixed views as unmixed ones, with a
ratio from Beta(0.8, 0.8); and GeNIe + MixUp mixes the real images and leaves GeNIe's unmixed.

Here each pair of images has its own ratio, where the code draws one for 16 pairs; and the head is
the same as in the other protocol, where the code trains a linear layer by SGD on mixed labels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.transforms import v2

from benchmarks.episodes import Episode, LabelledFeatures, Pool
from index.diffusion.sampling import derived_seed

from .arms import ARMS
from .classical import CLASSICAL, Mixer, Views, blend, weak
from .config import GENIE_MIXUP

VIEWS = 5
"""Augmented views of each real support image."""

_ALPHA = 0.8


def learned_features(
    name: str, pool: Pool, episode: Episode, seed: int
) -> tuple[LabelledFeatures, dict[str, float]]:
    """Return what a head learns from in an episode, and the facts of what was generated.

    Args:
        name: One of `ARMS`, or `GENIE_MIXUP`.
        pool: Real and generated images.
        episode: Its support rows lie in the pool's support.
        seed: Seed of the arm's randomness in this episode.
    """
    views, mixer, generated = _parts(name)
    labels = torch.from_numpy(episode.support_labels.repeat(VIEWS))
    real = pool.images[episode.support_rows.repeat(VIEWS)]
    facts: dict[str, float] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, f"authors {name}"))
        images, soft = [views(real)], [F.one_hot(labels, episode.n_way).numpy()]
        if mixer is not None:
            mixed, shares = blend(mixer, views(real), labels, episode.n_way, _ALPHA)
            images.append(mixed)
            soft.append(shares.numpy())
        if generated:
            added = ARMS[generated](pool, episode, derived_seed(seed, generated))
            if added.images is None:
                raise ValueError(f"arm {generated} keeps features alone, views need its images")
            images.append(views(added.images))
            soft.append(added.soft)
            facts = added.facts
    features = pool.backbone(torch.cat(images))
    return LabelledFeatures.from_soft(features, np.concatenate(soft)), facts


def _parts(name: str) -> tuple[Views, Mixer | None, str]:
    """Return how an arm augments, with what it mixes, and which arm generates for it."""
    if name == GENIE_MIXUP:
        return weak, v2.MixUp, "genie"
    if name in CLASSICAL:
        views, mixer = CLASSICAL[name]
        return views or weak, mixer, ""
    return weak, None, name
