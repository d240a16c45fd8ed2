"""Intervals over images: exact where all episodes are there, right on average where few are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmarks.episodes.episodes import Drawing, Episode, draw
from benchmarks.few_shot.over_images import class_variance, interval_over_images
from benchmarks.measure import Floats


def test_all_episodes_give_the_variance_of_a_mean() -> None:
    # Two classes of three images, of which an episode takes one each, and is worth their sum.
    worth = np.array([0.0, 3.0, 6.0, 1.0, 2.0, 6.0])
    episodes = list(itertools.product(range(3), range(3, 6)))
    values = np.array([worth[first] + worth[second] for first, second in episodes])
    for place, rows in enumerate((np.arange(3), np.arange(3, 6))):
        found = class_variance(values, [(pair[place],) for pair in episodes], rows)
        # The mean of three images varies by s² / 3; less what chance alone would have shown.
        scale, by_chance = 3 * 2 / 2**2, 1 * 2 / 3 * values.var() / 9
        assert found == pytest.approx(worth[rows].var(ddof=1) / 3 - scale * by_chance)


def test_what_every_episode_has_tells_nothing() -> None:
    values = np.array([0.1, 0.5])
    assert np.isnan(class_variance(values, [(0, 1), (0, 1)], np.arange(2)))
    assert class_variance(values, [None, None], np.arange(2)) == 0
    episodes = [Episode((0, 1), ((0,), (1,)), ((2,), (rows,))) for rows in (3, 4)]
    assert np.isnan(interval_over_images(values, episodes, np.array([0, 1, 0, 1, 1]), 2))


def _pool(seed: int, spread: float, noise: float) -> tuple[list[Episode], Floats, np.ndarray]:
    """Episodes of a new pool: 6 classes of 10 support and 12 query images, additive."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(6).repeat(10), np.arange(6).repeat(12)])
    worth = spread * rng.normal(size=len(labels))
    support, query = np.split(np.arange(len(labels)), [60])
    drawing = Drawing(120, 3, 2, 4, seed)
    episodes = draw(labels, drawing, support_pool=support, query_pool=query)
    values = [worth[one.support_rows].mean() + worth[one.query_rows].mean() for one in episodes]
    return episodes, np.array(values) + noise * rng.normal(size=len(values)), labels


def _over_pools(spread: float, noise: float) -> tuple[float, float, float]:
    """The true half interval, and the root mean squares of those over images and episodes."""
    means, over_images, over_episodes = [], [], []
    for seed in range(30):
        episodes, values, labels = _pool(seed, spread, noise)
        means.append(values.mean())
        over_images.append(interval_over_images(values, episodes, labels, 60))
        over_episodes.append(1.96 * values.std() / len(values) ** 0.5)
    true = 1.96 * float(np.std(means))
    return true, *(float(np.mean(np.square(x)) ** 0.5) for x in (over_images, over_episodes))


def test_the_interval_is_what_other_pools_give() -> None:
    true, over_images, over_episodes = _over_pools(1.0, 0.1)
    assert over_images == pytest.approx(true, rel=0.3)
    assert over_episodes < 0.6 * true  # which is why one over episodes is not enough


def test_of_images_without_influence_nothing_or_little_is_said() -> None:
    found, over_episodes = [], []
    for seed in range(30):
        episodes, values, labels = _pool(seed, 0.0, 1.0)
        found.append(interval_over_images(values, episodes, labels, 60))
        over_episodes.append(1.96 * values.std() / len(values) ** 0.5)
    known = np.isfinite(found)
    assert 5 <= known.sum() <= 25  # noise around nothing is as often below it
    wider = np.array(found)[known] / np.array(over_episodes)[known]
    assert (wider > 1).all()
    assert wider.mean() < 2


def test_failed_episodes_are_left_out() -> None:
    episodes, values, labels = _pool(0, 1.0, 0.1)
    values[::7] = np.nan
    kept = np.isfinite(values)
    alone = [one for one, keep in zip(episodes, kept, strict=True) if keep]
    expected = interval_over_images(values[kept], alone, labels, 60)
    assert interval_over_images(values, episodes, labels, 60) == expected
    assert np.isnan(interval_over_images(np.full(120, np.nan), episodes, labels, 60))
    with pytest.raises(ValueError, match="119 values of 120 episodes"):
        interval_over_images(values[1:], episodes, labels, 60)
