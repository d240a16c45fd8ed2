"""What an arm adds to an episode's support, and what a head then learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor

from benchmarks.episodes import Episode, EvaluatedImages, Integers, LabelledFeatures, Pool


@dataclass(frozen=True)
class Added:
    """What an arm adds to an episode's support.

    Attributes:
        features: ``(G, D)``, unit norm.
        soft: Soft labels, ``(G, N)``.
        facts: Means over the added images, where there is something to say: `oracle_accuracy`,
            `background_psnr_db`, `noise_ratio`, `network_rows` of each.
        images: The images themselves, ``(G, 3, H, W)`` uint8; None where features alone are kept.
    """

    features: npt.NDArray[np.floating]
    soft: npt.NDArray[np.floating]
    facts: dict[str, float] = field(default_factory=dict)
    images: Tensor | None = None


Arm = Callable[[Pool, Episode, int], Added]
"""Takes a seed for what is random in this arm and episode."""


def taken(
    generated: EvaluatedImages,
    where: tuple[Integers, ...],
    labels: Integers,
    n_way: int,
    facts: dict[str, float],
) -> Added:
    """Take generated images by their axes.

    Args:
        generated: The images.
        where: Positions on each of its axes, ``(G,)`` each.
        labels: Labels of the images that are taken, ``(G,)`` in [0, N).
        n_way: N.
        facts: What is known of them beside what the oracle and their backgrounds say.
    """
    seen = {
        "oracle_accuracy": float(generated.hits[where].mean()),
        "background_psnr_db": float(generated.psnr[where].mean()),
    }
    soft, images = np.eye(n_way)[labels], generated.images[where]
    return Added(generated.embeddings[where], soft, seen | facts, images)


def with_support(pool: Pool, episode: Episode, added: Added) -> LabelledFeatures:
    """Join an episode's support and what an arm adds to it."""
    own = np.eye(episode.n_way)[episode.support_labels]
    features = np.concatenate([pool.embeddings[episode.support_rows], added.features])
    return LabelledFeatures.from_soft(features, np.concatenate([own, added.soft]))
