"""Arms of generated images: selected from the pool, by noise ratio or by Algorithm 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.episodes import (
    INVERTED,
    SAME_CLASS,
    Episode,
    EvaluatedImages,
    Integers,
    Pairs,
    Pool,
    Repeats,
    cross_class_pairs,
    inverted_pairs,
    network_rows_of,
    same_class_pairs,
)
from genie_transforms import UserError
from index.config import PAPER_NOISE_RATIOS
from index.generate import projections, select

from .added import Added, Arm, taken


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
        everything = (np.arange(len(generated.hits)),)
        facts = {"noise_ratio": INVERTED[name], "network_rows": float(cost)}
        return taken(generated, everything, pairs.targets, episode.n_way, facts)

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
    facts = {"noise_ratio": float(ratios.mean()), "network_rows": float(cost)}
    return taken(generated, where, labels, episode.n_way, facts)


def real_g(pool: Pool, episode: Episode, seed: int) -> Added:
    """Take real images of the generator's own training set, as many as other arms generate."""
    if pool.learned is None:
        raise ValueError("this pool has no images of the generator's own training set")
    rng, count = np.random.default_rng(seed), (episode.n_way - 1) * episode.k_shot
    most = pool.learned.shape[1]
    if count > most:
        raise UserError(
            f"real-g takes {count} images of the generator's own set for each class, there are "
            f"{most}: leave the arm out, or take fewer shots"
        )
    rows = np.stack([rng.choice(most, count, replace=False) for _ in episode.classes])
    images = pool.learned[np.array(episode.classes)[:, None], rows].flatten(0, 1)
    soft = np.eye(episode.n_way).repeat(count, 0)
    return Added(pool.backbone(images), soft, images=images)


def repeated(repeats: Repeats, per_class: int) -> Arm:
    """Return an arm that adds `per_class` images to each class.

    Sources are drawn at random for each class; a pair is repeated only after every pair has come.
    """

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs, rng = cross_class_pairs(episode), np.random.default_rng(seed)
        variations = repeats.generated.hits.shape[2]
        chosen: list[tuple[int, int, int]] = []
        for target, label in enumerate(episode.classes):
            sources = pairs.sources[pairs.targets == target]
            order = [
                (int(s), label, v) for v in range(variations) for s in rng.permutation(sources)
            ]
            if per_class > len(order):
                raise ValueError(
                    f"{per_class} images of a class are wanted, there are {len(order)}: make "
                    "them again more often"
                )
            chosen += order[:per_class]
        where = tuple(np.array(column) for column in zip(*chosen, strict=True))
        episode.check_sources(where[0])
        facts = {"noise_ratio": repeats.noise_ratio, "network_rows": repeats.network_rows}
        labels = np.arange(episode.n_way).repeat(per_class)
        return taken(repeats.generated, where, labels, episode.n_way, facts)

    return arm


def twice_txt2img(pool: Pool, episode: Episode, seed: int) -> Added:
    """Take twice as many images of Txt2Img as other arms add."""
    if pool.again is None:
        raise ValueError("this pool has each image of txt2img once: see `with_repeats`")
    per_class = 2 * (episode.n_way - 1) * episode.k_shot
    return repeated(pool.again, per_class)(pool, episode, seed)
