"""Rules for r on projections by hand; lines and centroids on a pool of points in the plane."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.choosing_r.rules import (
    CANDIDATES,
    ORACLE,
    RANDOM,
    Projections,
    SelectionSetting,
    background,
)
from benchmarks.episodes import Episode, EvaluatedImages, Pool, PoolConfig
from index.embed import load_backbone

RATIOS = (0.5, 0.6, 0.7)


def projected(d: list[float], margin: list[float] | None = None) -> Projections:
    """Make one sweep towards class 0 of two, with a given margin to class 1."""
    similarity = np.stack([np.array(margin or d), np.zeros(len(d))], -1)
    return Projections(np.array([d]), similarity[None], np.array([0]))


@pytest.mark.parametrize(
    ("rule", "d", "margin", "chosen"),
    [
        ("paper", [0.5, 0.7, 0.1, 0.4], None, 2),
        ("crosses", [0.2, 0.6, 0.4, 0.9], None, 1),
        ("crosses", [0.1, 0.2, 0.3, 0.4], None, 3),  # never: the last
        ("passes", [0.2, 0.6, 0.4, 0.9], None, 2),
        ("passes", [0.2, 0.3, 0.4, 0.9], None, 3),
        ("settles", [0.2, 0.6, 0.4, 0.9], None, 3),
        ("settles", [0.6, 0.7, 0.8, 0.9], None, 0),
        ("halfway", [0.1, 0.2, 0.35, 0.6], None, 2),
        # two parts {0, .1} and {.9, 1, .8} leave the least error
        ("change-point", [0.0, 0.1, 0.9, 1.0, 0.8], None, 2),
        ("furthest", [0.2, 0.9, 0.4, 0.8], None, 1),
        ("nearest", [0.0] * 4, [-0.2, -0.1, 0.3, 0.4], 2),
        ("nearest, then one further", [0.0] * 4, [-0.2, -0.1, 0.3, 0.4], 3),
        ("margin", [0.0] * 4, [-0.2, 0.1, 0.4, 0.3], 2),
        ("0.9 of the margin", [0.0] * 4, [0.1, 0.35, 0.37, 0.4], 2),
        ("0.75 of the margin", [0.0] * 4, [0.1, 0.35, 0.37, 0.4], 1),
        ("0.75 of the margin", [0.0] * 4, [-0.4, -0.2, -0.1, -0.3], 2),
    ],
)
def test_rules_by_hand(rule: str, d: list[float], margin: list[float] | None, chosen: int) -> None:
    assert CANDIDATES[rule](projected(d, margin)).tolist() == [chosen]


def test_pooled_steps_are_those_of_the_target() -> None:
    """Of two pairs of a target the second's steps, .4 and .5, yield to the first's .8 and 0."""
    d = np.array([[0.0, 0.8, 0.8], [0.0, 0.4, 0.9], [0.0, 0.4, 0.9]])
    found = CANDIDATES["pooled"](Projections(d, np.zeros((3, 3, 2)), np.array([0, 0, 1])))
    assert found.tolist() == [1, 1, 2]


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Two classes, two support images of each and one query; embeddings are points."""
    real = np.array([[0, 0], [0, 2], [4, 0], [4, 2], [0, 1], [4, 1]], dtype=np.float32)
    swept = np.full((4, 2, 3, 2), np.nan, dtype=np.float32)
    swept[0, 1] = np.array([[1, 0], [2.5, 0], [6, 0]])
    swept[1, 1] = np.array([[1, 2], [2.5, 2], [6, 2]])
    swept[2, 0] = np.array([[4, 0], [3, 0], [1, 0]])
    swept[3, 0] = np.array([[4, 2], [3, 2], [1, 2]])
    hits = np.zeros((4, 2, 3), dtype=np.bool_)
    hits[0, 1, 1:] = hits[2, 0, 2:] = True
    made = EvaluatedImages(
        torch.zeros(0, dtype=torch.uint8), swept, hits, np.full((4, 2, 3), np.nan)
    )
    return Pool(
        PoolConfig(work=tmp_path, per_class=2, queries_per_class=1, noise_ratios=RATIOS),
        ("a", "b"), np.array([0, 0, 1, 1, 0, 1]), torch.zeros(0, dtype=torch.uint8), real, made,
        {}, load_backbone("demo"), {}, {}, "",
    )  # fmt: skip


ONE = Episode((1, 0), ((2,), (0,)), ((5,), (4,)))
"""Class b first; its pairs are image 0 towards b, then image 2 towards a."""


def test_the_line_and_its_ends(pool: Pool) -> None:
    # Image 0 projects to .25, .625, 1.5 on the line to b, image 2 to 0, .25, .75 on that to a.
    assert SelectionSetting("crosses", grid=RATIOS).choose(pool, ONE, 0).tolist() == [1, 2]
    assert SelectionSetting("paper", grid=RATIOS).choose(pool, ONE, 0).tolist() == [2, 2]
    # With the last images of the sweeps, b's centroid moves from 4 to 5 and a's from 0 to 1/2: 2.5
    # is the very middle between 0 and 5, not beyond it.
    generated = SelectionSetting("crosses", centroid="generated", grid=RATIOS)
    assert generated.choose(pool, ONE, 0).tolist() == [2, 2]
    # From the class a, which now starts at 1/2: (2.5 - .5) / 4.5 is before the middle, too.
    assert replace(generated, start="class").choose(pool, ONE, 0).tolist() == [2, 2]


def test_centroids_of_many_images_average_the_background_out(pool: Pool) -> None:
    """The second coordinate differs within classes only, and is what is removed."""
    assert abs(background(pool)[0]).tolist() == pytest.approx([0, 1], abs=1e-6)
    mixed = Episode((1, 0), ((3,), (0,)), ((5,), (4,)))  # one is low, the other high
    bare = replace(pool, swept=replace(pool.swept, embeddings=pool.swept.embeddings.copy()))
    bare.swept.embeddings[0, 1, 0] = [1, 12]  # far along the background, not along the class
    assert SelectionSetting("crosses", grid=RATIOS).choose(bare, mixed, 0)[0] == 0
    assert (
        SelectionSetting("crosses", centroid="many", start="class", grid=RATIOS).choose(
            bare, mixed, 0
        )[0]
        == 1
    )


def test_references(pool: Pool) -> None:
    assert SelectionSetting("r = 0.6").noise_ratio == 0.6
    assert SelectionSetting("r = 0.6", grid=RATIOS).choose(pool, ONE, 0).tolist() == [1, 1]
    assert SelectionSetting(ORACLE, grid=RATIOS).choose(pool, ONE, 0).tolist() == [1, 2]
    drawn = {
        tuple(SelectionSetting(RANDOM, grid=RATIOS).choose(pool, ONE, seed).tolist())
        for seed in range(60)
    }
    assert len(drawn) == 9
    with pytest.raises(ValueError, match=r"r = 0.9 was not swept"):
        SelectionSetting("r = 0.9", grid=RATIOS).choose(pool, ONE, 0)


def test_settings_keep_their_names_in_results() -> None:
    """Kept findings and committed results were written when `selector` was called `eyes`."""
    setting = SelectionSetting("crosses", "python:somewhere:untrained", centroid="many")
    assert list(setting.as_json()) == [
        "rule", "eyes", "centroid", "start", "without_background", "grid"
    ]  # fmt: skip
    assert setting.as_json()["eyes"] == "python:somewhere:untrained"
    assert setting.name_beside("demo") == "crosses, untrained, centroid many"
    assert setting.name_beside("python:somewhere:untrained") == "crosses, centroid many"
