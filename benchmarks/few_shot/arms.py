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
    SAME_CLASS,
    Episode,
    EvaluatedImages,
    Integers,
    LabelledFeatures,
    Pairs,
    Pool,
    cross_class_pairs,
    inverted_pairs,
    rows_of,
    same_class_pairs,
)
from index.diffusion.sampling import derived_seed
from index.generate import RULES, projections, select

from .classical import Views, blend, mixed, strong, weak

GRID = (0.5, 0.6, 0.7, 0.8, 0.9)
"""The noise ratios that GeNIe-Ada chooses among (paper, section 4)."""


BASELINE = "txt2img"


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


def classical(views: Views | None, mixer: type[v2.MixUp | v2.CutMix] | None) -> Arm:
    """Make an arm of transformed support images, which are then mixed, or either."""

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
    """Make an arm of support images made anew within their class."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs, made, ratio = same_class_pairs(episode), pool.same_class[name], SAME_CLASS[name]
        variations = np.tile(np.arange(episode.n_way - 1), len(episode.support_rows))
        ratios = np.full(len(variations), ratio)
        cost = rows_of(ratio, pool.config.num_inference_steps)
        return _selected(made, (pairs.sources, variations), pairs.targets, episode, ratios, cost)

    return arm


def fixed(noise_ratio: float) -> Arm:
    """Make an arm of GeNIe at one noise ratio; Txt2Img is r = 1."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs = cross_class_pairs(episode)
        places = np.full(len(pairs.sources), pool.place(noise_ratio))
        cost = rows_of(noise_ratio, pool.config.num_inference_steps)
        return _swept(pool, episode, pairs, places, cost)

    return arm


def random_ratio(pool: Pool, episode: Episode, seed: int) -> Added:
    """Take a random r of the grid for each pair."""
    pairs, grid = cross_class_pairs(episode), np.array([pool.place(ratio) for ratio in GRID])
    places = np.random.default_rng(seed).choice(grid, len(pairs.sources))
    costs = [rows_of(r, pool.config.num_inference_steps) for r in GRID]
    return _swept(pool, episode, pairs, places, float(np.mean(costs)))


def adaptive(rule: str, grid: tuple[float, ...] = GRID, chooser: Pool | None = None) -> Arm:
    """Make an arm of Algorithm 1, or another rule, with the episode's own centroids.

    Args:
        rule: One of `index.selection.RULES`.
        grid: The noise ratios to choose among.
        chooser: The same pool, embedded by the backbone that chooses; if none, by the one that
            the head learns from, as in the paper.
    """

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs, columns = cross_class_pairs(episode), np.array([pool.place(ratio) for ratio in grid])
        eyes = chooser or pool
        # The plain mean of unit vectors, not normalised again, as in the authors' code.
        support = eyes.embeddings[episode.support_rows]
        centroids = support.reshape(episode.n_way, episode.k_shot, -1).mean(1)
        walked = projections(
            eyes.swept.embeddings[pairs.sources[:, None], pairs.classes[:, None], columns],
            eyes.embeddings[pairs.sources],
            centroids[pairs.targets],
        )
        places = columns[select(walked, rule)]
        cost = sum(rows_of(ratio, pool.config.num_inference_steps) for ratio in grid)
        return _swept(pool, episode, pairs, places, cost)

    return arm


def inverted(name: str) -> Arm:
    """Make an arm whose pictures were generated for each episode alone (see `inverted.py`)."""

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        if episode not in pool.inverted:
            raise ValueError(f"nothing was made with tokens of the episode {episode.support}")
        pairs, made = inverted_pairs(name, episode), pool.inverted[episode][name]
        episode.check_sources(pairs.sources)
        cost = rows_of(INVERTED[name], pool.config.num_inference_steps)
        everything, ratios = (np.arange(len(made.hits)),), np.array([INVERTED[name]])
        return _taken(made, everything, pairs.targets, episode.n_way, ratios, cost)

    return arm


def _swept(pool: Pool, episode: Episode, pairs: Pairs, places: Integers, cost: float) -> Added:
    ratios = np.array(pool.config.noise_ratios)[places]
    where = pairs.sources, pairs.classes, places
    return _selected(pool.swept, where, pairs.targets, episode, ratios, cost)


def _selected(
    made: EvaluatedImages,
    where: tuple[Integers, ...],
    labels: Integers,
    episode: Episode,
    ratios: npt.NDArray[np.float64],
    cost: float,
) -> Added:
    """Take generated pictures by their axes, the first of which is the source."""
    episode.check_sources(where[0])
    return _taken(made, where, labels, episode.n_way, ratios, cost)


def _taken(
    made: EvaluatedImages,
    where: tuple[Integers, ...],
    labels: Integers,
    n_way: int,
    ratios: npt.NDArray[np.float64],
    cost: float,
) -> Added:
    facts = {
        "oracle_accuracy": float(made.hits[where].mean()),
        "background_psnr_db": float(made.psnr[where].mean()),
        "noise_ratio": float(ratios.mean()),
        "network_rows": float(cost),
    }
    return Added(made.embeddings[where], np.eye(n_way)[labels], facts)


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
    **{"genie" if r == FIXED else f"genie-{r:g}": fixed(r) for r in (0.3, 0.4, *GRID)},
    "genie-random": random_ratio,
    **{"genie-ada" if rule == "paper" else f"genie-ada-{rule}": adaptive(rule) for rule in RULES},
}
"""By name; `genie-0.5` is GeNIe with r = 0.5, `genie-random` has a random r of the grid."""


def support_features(
    name: str, pool: Pool, episode: Episode, seed: int
) -> tuple[LabelledFeatures, dict[str, float]]:
    """Give what a head learns from in an episode: its support and what an arm adds.

    Args:
        name: One of `ARMS`.
        pool: Real and generated pictures.
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
    """Put an episode's support and what an arm adds to it together."""
    own = np.eye(episode.n_way)[episode.support_labels]
    features = np.concatenate([pool.embeddings[episode.support_rows], added.features])
    return LabelledFeatures.from_soft(features, np.concatenate([own, added.soft]))
