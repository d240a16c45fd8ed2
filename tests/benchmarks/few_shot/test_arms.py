"""Every arm on a small pool from the demo's own models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.episodes.config import InversionRun
from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.images import EvaluatedImages
from benchmarks.episodes.inverted import add_inverted_images
from benchmarks.episodes.pool import Pool, network_rows_of
from benchmarks.episodes.ratios import INVERTED, POOL_NOISE_RATIOS
from benchmarks.episodes.repeats import with_repeats
from benchmarks.few_shot.arms import ARMS, support_features
from benchmarks.few_shot.generated import adaptive, fixed
from index.config import PAPER_NOISE_RATIOS
from index.diffusion.inversion.config import Inversion

STEPS = 4  # of the tiny pool


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_adds_as_many_labelled_images(
    name: str, tiny_pool: Pool, episode: Episode, tmp_path: Path
) -> None:
    pool = tiny_pool
    if name in INVERTED:
        inversion_run = InversionRun(tmp_path, Inversion(iterations=1))
        pool = add_inverted_images(pool, [episode], inversion_run)
    more = 2 if name == "txt2img-x2" else 1
    pool = with_repeats(pool) if more == 2 else pool
    support, facts = support_features(name, pool, episode, seed=7)
    assert support.weights.sum() == pytest.approx(3 + 6 * more)  # N (K + (N - 1) K) = 3 (1 + 2)
    assert np.array_equal(support.features[:3], pool.embeddings[[4, 1, 3]])
    norms = np.linalg.norm(support.features, axis=1)
    assert norms == pytest.approx(np.ones(len(norms)), abs=1e-4)
    if "mix" not in name.replace("mixed", ""):
        shares = np.bincount(support.labels, weights=support.weights)
        assert shares == pytest.approx([1 + 2 * more] * 3)
    known = {"oracle_accuracy", "background_psnr_db", "noise_ratio", "network_rows"}
    assert set(facts) in (set(), known)
    again, _ = support_features(name, pool, episode, seed=7)
    assert np.array_equal(again.features, support.features)
    assert np.array_equal(again.weights, support.weights)


def test_fixed_arms_take_their_noise_ratio(tiny_pool: Pool, episode: Episode) -> None:
    for ratio, name in ((0.8, "genie"), (0.5, "genie-0.5"), (1.0, "txt2img")):
        support, facts = support_features(name, tiny_pool, episode, seed=0)
        place = POOL_NOISE_RATIOS.index(ratio)
        # The two negatives of the episode's first class, 4, are made from images 1 and 3.
        assert np.array_equal(support.features[3:5], tiny_pool.swept.embeddings[[1, 3], 4, place])
        assert support.labels[3:5].tolist() == [0, 0]
        assert facts["noise_ratio"] == pytest.approx(ratio)
        assert facts["network_rows"] == network_rows_of(ratio, STEPS)


def test_algorithm_1_uses_the_episodes_own_centroids(tiny_pool: Pool) -> None:
    """Two classes, two shots: sweeps that move along the line to the centroid by known steps."""
    corners = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0, 1], [0, 0.6, 0.8]])
    centroids = np.stack([corners[:2].mean(0), corners[2:].mean(0)])
    steps = {
        0: [0.0, 0.1, 0.7, 0.8, 0.9],  # the largest jump is into r = 0.7
        1: [0.1, 0.5, 0.6, 0.7, 0.8],  # into 0.6
        2: [0.0, 0.6, -0.1, 0.0, 0.1],  # backwards, into 0.7; the largest forward one into 0.6
        3: [0.7, 0.8, 0.85, 0.9, 1.2],  # into 0.9; from the source itself, into 0.5
    }
    swept = np.zeros((4, 2, len(POOL_NOISE_RATIOS), 3))
    at = [POOL_NOISE_RATIOS.index(ratio) for ratio in PAPER_NOISE_RATIOS]
    for row, positions in steps.items():
        target = 1 - row // 2
        line = centroids[target] - corners[row]
        swept[row, target, at] = corners[row] + np.array(positions)[:, None] * line
    shape = swept.shape[:-1]
    blank = torch.zeros(*shape, 3, 8, 8, dtype=torch.uint8)
    images = EvaluatedImages(blank, swept, np.zeros(shape, dtype=bool), np.zeros(shape))
    small = replace(
        tiny_pool, labels=np.array([0, 0, 1, 1]), embeddings=corners, swept=images,
        config=replace(tiny_pool.config, per_class=2),
    )  # fmt: skip
    episode = Episode((0, 1), ((0, 1), (2, 3)), ((4,), (5,)))
    chosen = {"paper": [0.7, 0.9, 0.7, 0.6], "signed": [0.6, 0.9, 0.7, 0.6]}
    chosen["from_source"] = [0.6, 0.5, 0.7, 0.6]
    for rule, ratios in chosen.items():
        added = adaptive(rule)(small, episode, 0)
        # Target 0 is made from images 2 and 3, target 1 from 0 and 1.
        expected = [
            swept[row, target, POOL_NOISE_RATIOS.index(ratio)]
            for row, target, ratio in zip([2, 3, 0, 1], [0, 0, 1, 1], ratios, strict=True)
        ]
        assert added.features == pytest.approx(np.stack(expected)), rule
        assert added.soft.argmax(1).tolist() == [0, 0, 1, 1]
        assert added.facts["noise_ratio"] == pytest.approx(np.mean(ratios))
        assert added.facts["network_rows"] == sum(
            network_rows_of(ratio, STEPS) for ratio in PAPER_NOISE_RATIOS
        )


def test_a_ratio_that_was_not_swept_is_named(tiny_pool: Pool, episode: Episode) -> None:
    with pytest.raises(ValueError, match=r"r = 0\.85 was not swept"):
        fixed(0.85)(tiny_pool, episode, 0)


def test_real_images_come_from_the_generators_own_of_each_class(
    tiny_pool: Pool, episode: Episode
) -> None:
    support, facts = support_features("real-g", tiny_pool, episode, seed=0)
    assert not facts
    assert tiny_pool.learned is not None
    for target, label in enumerate(episode.classes):
        of_class = tiny_pool.backbone(tiny_pool.learned[label])
        gaps = np.linalg.norm(
            support.features[3 + 2 * target : 5 + 2 * target, None] - of_class, axis=2
        )
        assert (gaps.min(1) < 1e-4).all()
        assert len(set(gaps.argmin(1))) == 2
    with pytest.raises(ValueError, match="no images of the generator's own"):
        support_features("real-g", replace(tiny_pool, learned=None), episode, seed=0)
