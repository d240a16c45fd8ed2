"""The arms of the few-shot table: what each adds to an episode's support.

Every arm adds (N - 1) K images to each class, as the paper does, so all have equally many labelled
images. GeNIe gets them by turning every support image of the other classes into this class; the
others make N - 1 images from each support image of the class itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from benchmarks.episodes import (
    FIXED,
    INVERTED,
    POOL_NOISE_RATIOS,
    SAME_CLASS,
    Episode,
    EvaluatedImages,
    Integers,
    LabelledFeatures,
    Pairs,
    Pool,
    cross_class_pairs,
    inverted_pairs,
    network_rows_of,
    same_class_pairs,
)
from index.config import PAPER_NOISE_RATIOS
from index.diffusion.sampling import derived_seed
from index.generate import RULES, projections, select

from .classical import Views, blend, mixed, strong, weak
from .config import BASELINE


@dataclass(frozen=True)
class Added:
    """What an arm adds to an episode's support.

    Attributes:
        features: ``(G, D)``, unit norm.
        soft: Soft labels, ``(G, N)``.
        facts: Means over the added images, where there is something to say: `oracle_accuracy`,
            `background_psnr_db`, `noise_ratio`, `network_rows` of each.
    """

    features: npt.NDArray[np.floating]
    soft: npt.NDArray[np.floating]
    facts: dict[str, float] = field(default_factory=dict)


Arm = Callable[[Pool, Episode, int], Added]
"""Takes a seed for what is random in this arm and episode."""


def classical(views: Views | None, mixer: type[v2.MixUp | v2.CutMix] | None) -> Arm:
    """Return an arm of support images that are transformed, mixed, or both."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        copies = episode.n_way - 1
        images = pool.images[episode.support_rows.repeat(copies)]
        labels = torch.from_numpy(episode.support_labels.repeat(copies))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _embedded(pool, episode, views(images) if views else images, labels, mixer)

    return arm


def genie_mixup(pool: Pool, episode: Episode, seed: int) -> Added:
    """Mix GeNIe's images (r = 0.8) with one another."""
    pairs, place = cross_class_pairs(episode), pool.place(FIXED)
    episode.check_sources(pairs.sources)
    images = pool.swept.images[pairs.sources, pairs.classes, place]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _embedded(pool, episode, images, torch.from_numpy(pairs.targets), v2.MixUp)


def _embedded(
    pool: Pool,
    episode: Episode,
    images: Tensor,
    labels: Tensor,
    mixer: type[v2.MixUp | v2.CutMix] | None,
) -> Added:
    soft = F.one_hot(labels, episode.n_way).float()
    if mixer is not None:
        images, soft = blend(mixer, images, labels, episode.n_way)
    return Added(pool.backbone(images), soft.numpy())


def same_class(name: str) -> Arm:
    """Return an arm of support images made again within their class."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs, ratio = same_class_pairs(episode), SAME_CLASS[name]
        variations = np.tile(np.arange(episode.n_way - 1), len(episode.support_rows))
        ratios = np.full(len(variations), ratio)
        cost = network_rows_of(ratio, pool.config.num_inference_steps)
        where = pairs.sources, variations
        return _selected(pool.same_class[name], where, pairs.targets, episode, ratios, cost)

    return arm


def fixed(noise_ratio: float) -> Arm:
    """Return an arm of GeNIe at one noise ratio; Txt2Img is r = 1."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs = cross_class_pairs(episode)
        places = np.full(len(pairs.sources), pool.place(noise_ratio))
        cost = network_rows_of(noise_ratio, pool.config.num_inference_steps)
        return _swept(pool, episode, pairs, places, cost)

    return arm


def random_ratio(pool: Pool, episode: Episode, seed: int) -> Added:
    """Take a random r of the paper's grid for each pair."""
    pairs, columns = cross_class_pairs(episode), [pool.place(ratio) for ratio in PAPER_NOISE_RATIOS]
    places = np.random.default_rng(seed).choice(np.array(columns), len(pairs.sources))
    costs = [network_rows_of(r, pool.config.num_inference_steps) for r in PAPER_NOISE_RATIOS]
    return _swept(pool, episode, pairs, places, float(np.mean(costs)))


def adaptive(
    rule: str, grid: tuple[float, ...] = PAPER_NOISE_RATIOS, selector: Pool | None = None
) -> Arm:
    """Return an arm of Algorithm 1, or another rule, with the episode's own centroids.

    Args:
        rule: One of `index.generate.RULES`.
        grid: The noise ratios to choose among.
        selector: The same pool, embedded by the backbone that chooses; if none, by the one that
            the head learns from, as in the paper.
    """

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs, columns = cross_class_pairs(episode), np.array([pool.place(ratio) for ratio in grid])
        chooser = selector or pool
        # The plain mean of unit vectors, not normalised again, as in the authors' code.
        support = chooser.embeddings[episode.support_rows]
        centroids = support.reshape(episode.n_way, episode.k_shot, -1).mean(1)
        positions = projections(
            chooser.swept.embeddings[pairs.sources[:, None], pairs.classes[:, None], columns],
            chooser.embeddings[pairs.sources],
            centroids[pairs.targets],
        )
        places = columns[select(positions, rule)]
        cost = sum(network_rows_of(ratio, pool.config.num_inference_steps) for ratio in grid)
        return _swept(pool, episode, pairs, places, cost)

    return arm


def inverted(name: str) -> Arm:
    """Return an arm whose images were generated for each episode alone, with its own tokens."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        if episode not in pool.inverted:
            raise ValueError(f"nothing was generated with tokens of the episode {episode.support}")
        pairs, generated = inverted_pairs(name, episode), pool.inverted[episode][name]
        episode.check_sources(pairs.sources)
        cost = network_rows_of(INVERTED[name], pool.config.num_inference_steps)
        everything, ratios = (np.arange(len(generated.hits)),), np.array([INVERTED[name]])
        return _taken(generated, everything, pairs.targets, episode.n_way, ratios, cost)

    return arm


def _swept(pool: Pool, episode: Episode, pairs: Pairs, places: Integers, cost: float) -> Added:
    ratios = np.array(pool.config.noise_ratios)[places]
    where = pairs.sources, pairs.classes, places
    return _selected(pool.swept, where, pairs.targets, episode, ratios, cost)


def _selected(
    generated: EvaluatedImages,
    where: tuple[Integers, ...],
    labels: Integers,
    episode: Episode,
    ratios: npt.NDArray[np.float64],
    cost: float,
) -> Added:
    """Take generated images by their axes, the first of which is the source."""
    episode.check_sources(where[0])
    return _taken(generated, where, labels, episode.n_way, ratios, cost)


def _taken(
    generated: EvaluatedImages,
    where: tuple[Integers, ...],
    labels: Integers,
    n_way: int,
    ratios: npt.NDArray[np.float64],
    cost: float,
) -> Added:
    facts = {
        "oracle_accuracy": float(generated.hits[where].mean()),
        "background_psnr_db": float(generated.psnr[where].mean()),
        "noise_ratio": float(ratios.mean()),
        "network_rows": float(cost),
    }
    return Added(generated.embeddings[where], np.eye(n_way)[labels], facts)


ARMS: dict[str, Arm] = {
    "weak": classical(weak, None),
    "strong": classical(strong, None),
    "mixed": classical(mixed, None),
    "mixup": classical(None, v2.MixUp),
    "cutmix": classical(None, v2.CutMix),
    "mixed+mixup": classical(mixed, v2.MixUp),
    "mixed+cutmix": classical(mixed, v2.CutMix),
    **{name: same_class(name) for name in SAME_CLASS},
    **{name: inverted(name) for name in INVERTED},
    BASELINE: fixed(1.0),
    "genie+mixup": genie_mixup,
    **{"genie" if r == FIXED else f"genie-{r:g}": fixed(r) for r in POOL_NOISE_RATIOS if r < 1},
    "genie-random": random_ratio,
    **{"genie-ada" if rule == "paper" else f"genie-ada-{rule}": adaptive(rule) for rule in RULES},
}
"""By name; `genie-0.5` is GeNIe with r = 0.5, `genie-random` has a random r of the paper's grid."""


def support_features(
    name: str, pool: Pool, episode: Episode, seed: int
) -> tuple[LabelledFeatures, dict[str, float]]:
    """Return what a head learns from in an episode: its support and what an arm adds.

    Args:
        name: One of `ARMS`.
        pool: Real and generated images.
        episode: Its support rows lie in the pool's support.
        seed: Seed of the arm's randomness in this episode.

    Returns:
        Features of N (K + (N - 1) K) labelled images, and the arm's facts.

    Raises:
        ValueError: The arm added another number of images, or one made from outside the support.
    """
    added = ARMS[name](pool, episode, derived_seed(seed, name))
    wanted = (episode.n_way - 1) * len(episode.support_rows)
    if len(added.features) != wanted or len(added.soft) != wanted:
        raise ValueError(f"arm {name} added {len(added.features)} images, not {wanted}")
    return with_support(pool, episode, added), added.facts


def with_support(pool: Pool, episode: Episode, added: Added) -> LabelledFeatures:
    """Join an episode's support and what an arm adds to it."""
    own = np.eye(episode.n_way)[episode.support_labels]
    features = np.concatenate([pool.embeddings[episode.support_rows], added.features])
    return LabelledFeatures.from_soft(features, np.concatenate([own, added.soft]))
