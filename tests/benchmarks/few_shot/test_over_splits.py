"""Intervals over splits and images: by hand where all episodes are there, and of other worlds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmarks.episodes.episodes import Drawing, Episode
from benchmarks.few_shot.over_images import interval_over_images
from benchmarks.few_shot.over_splits import (
    DrawnSplit,
    OverSplits,
    over_splits,
    variance_over_images,
)
from benchmarks.few_shot.scoring import draw_from
from benchmarks.measure import Floats


def _every_episode(classes: tuple[str, ...]) -> DrawnSplit:
    """Two classes of three support images and two queries, and all 18 episodes but for queries.

    The first query of both classes comes with each support, then the second one of both.
    """
    labels = np.array([0, 0, 0, 1, 1, 1, 0, 0, 1, 1])
    episodes = [
        Episode((0, 1), ((first,), (second,)), ((6 + query,), (8 + query,)))
        for query, first, second in itertools.product(range(2), range(3), range(3, 6))
    ]
    return DrawnSplit(classes, labels, 6, episodes)


def test_an_image_of_two_splits_is_drawn_once() -> None:
    # Of class b the images are worth 0, 3, 6 in both splits; those of other classes nothing.
    worth = np.array([0.0, 3, 6])
    values = [np.tile(worth, 6), np.tile(worth.repeat(3), 2)]

    def found(*classes: tuple[str, str]) -> float:
        splits = [_every_episode(names) for names in classes]
        return variance_over_images(values, splits, [split.episodes for split in splits])

    # The mean of three images varies by s² / 3 = 3. Chance would have shown, of the supports and
    # of the queries of each class, 1/3, which is in both splits of two classes: 8/3 over 2².
    assert found(("a", "b"), ("b", "c")) == pytest.approx(3 - 2 / 3)
    # Of splits that share no class they are drawn apart: the mean of two varies half as much.
    assert found(("a", "b"), ("d", "c")) == pytest.approx(3 / 2 - 2 / 3)


def test_one_split_has_the_interval_of_its_pool_over_images_and_none_over_splits() -> None:
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(3).repeat(8), np.arange(3).repeat(10)])
    worth = rng.normal(size=len(labels))
    episodes = draw_from(labels, 24, Drawing(150, 3, 2, 4, 1))
    values = np.array([worth[one.support_rows].mean() for one in episodes])
    split = DrawnSplit(("a", "b", "c"), labels, 24, episodes)
    alone = over_splits([values], [split])
    assert alone.mean == pytest.approx(values.mean())
    assert np.isnan([alone.half, alone.half_images]).all()
    variance = variance_over_images([values], [split], [episodes])
    whole = interval_over_images(values, episodes, labels, 24)
    assert (1.96**2) * (values.var() / 150 + variance) == pytest.approx(whole**2)


def test_failed_episodes_are_left_out_and_a_split_without_any_is_told() -> None:
    split = _every_episode(("a", "b"))
    values = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, np.nan])
    found = over_splits([values, values + 2], [split, split])
    assert found.by_split.tolist() == [3.5, 5.5]
    assert found.mean == 4.5
    # Two splits: t(1, .975) = 12.706, standard deviation √2.
    assert found.half == pytest.approx(12.7062, abs=1e-3)
    lost = over_splits([values, values * np.nan], [split, split])
    assert np.isnan([lost.mean, lost.half, lost.half_images]).all()
    assert lost.by_split[0] == 3.5


_IMAGES = 12
_LABELS = np.concatenate([np.arange(3).repeat(_IMAGES), np.arange(3).repeat(2 * _IMAGES)])
_DRAWN = [draw_from(_LABELS, 3 * _IMAGES, Drawing(60, 3, 3, 6, seed)) for seed in range(6)]
_TAKEN = [
    np.array([
        np.isin(np.arange(len(_LABELS)), one.support_rows) / len(one.support_rows)
        for one in episodes
    ])
    for episodes in _DRAWN
]  # fmt: skip


def _world(seed: int) -> OverSplits:
    """Five splits of six classes, additive: the truth is 0, images differ and so do classes."""
    rng = np.random.default_rng(seed)
    of_class, of_image = rng.normal(size=6) / 2, rng.normal(size=(6, 3 * _IMAGES))
    of_class -= of_class.mean()
    values: list[Floats] = []
    splits = []
    for _ in range(5):
        novel, drawn = rng.permutation(6)[:3], int(rng.integers(6))
        of_rows = np.concatenate([
            of_image[novel, :_IMAGES].ravel(), of_image[novel, _IMAGES:].ravel()
        ])  # fmt: skip
        noise = 0.1 * rng.normal(size=60)
        values.append(of_class[novel].mean() + _TAKEN[drawn] @ of_rows + noise)
        names = tuple(f"class {k}" for k in novel)
        splits.append(DrawnSplit(names, _LABELS, 3 * _IMAGES, _DRAWN[drawn]))
    return over_splits(values, splits)


def test_of_other_worlds_the_interval_covers_the_truth_and_a_bootstrap_of_splits_does_not() -> None:
    covered = {"splits": 0, "images": 0, "bootstrap": 0}
    for seed in range(80):
        found = _world(seed)
        covered["splits"] += abs(found.mean) <= found.half
        covered["images"] += abs(found.mean) <= found.half_images
        rng = np.random.default_rng(seed)
        means = rng.choice(found.by_split, (500, 5)).mean(1)
        low, high = np.quantile(means, (0.025, 0.975))
        covered["bootstrap"] += low <= 0 <= high
    assert covered["images"] >= 0.93 * 80
    assert covered["bootstrap"] < 0.85 * 80
    assert covered["splits"] < covered["images"]
