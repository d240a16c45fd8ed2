"""Who votes on r*, by hand and by brute force."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from index.embed import EmbeddingIndex
from index.generate import RStarCache
from index.generate.voters import Voters, vote

ANGLES = np.radians([0, 10, 20, 30, 90])
POINTS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1).astype(np.float32)


@pytest.fixture
def index() -> EmbeddingIndex:
    index = EmbeddingIndex(2)
    index.add(POINTS, np.arange(5), np.zeros(5, dtype=np.int64), list("abcde"))
    return index


def _known(ratios: Mapping[str, float], target: str = "fox") -> RStarCache:
    known = RStarCache()
    for digest, ratio in ratios.items():
        known.record(digest, target, ratio)
    return known


def test_votes_by_hand() -> None:
    assert vote([0.8, 0.6, 0.8]) == (0.8, pytest.approx(2 / 3))
    assert vote([0.9, 0.5]) == (0.5, 0.5)


def test_r_star_is_predicted_by_the_nearest_images_that_have_one(index: EmbeddingIndex) -> None:
    known = _known({"e": 0.9, "c": 0.8, "d": 0.6, "b": 0.6, "unseen": 0.5})
    known.record("a", "wolf", 0.7)
    voters = Voters(index, known)
    assert voters.predict(POINTS[[0, 4]], "fox", k=1) == [(0.6, 1.0), (0.9, 1.0)]
    assert voters.predict(POINTS[:1], "fox", k=2) == [(0.6, 0.5)]  # a tie: the smaller
    assert voters.predict(POINTS[:1], "fox", k=3) == [(0.6, pytest.approx(2 / 3))]
    assert voters.predict(POINTS[:1], "fox", k=9) == [(0.6, 0.5)]  # there are only four
    assert voters.predict(POINTS[:2], "owl", k=3) == [None, None]
    assert (voters.count("fox"), voters.count("owl")) == (5, 0)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        voters.predict(POINTS[:1], "fox", k=0)


def test_what_a_shard_finds_counts_there_alone(index: EmbeddingIndex) -> None:
    voters = Voters(index, _known({"b": 0.6, "c": 0.6}))
    asked = POINTS[:1], "fox", 2
    assert voters.predict(*asked) == [(0.6, 1.0)]
    assert voters.predict(*asked, {"a": 0.3, "b": 0.3}) == [(0.3, 1.0)]  # b's is replaced
    assert voters.predict(*asked) == [(0.6, 1.0)]
    assert voters.predict(POINTS[:1], "owl", 2, {"a": 0.3}) == [(0.3, 1.0)]


def test_of_equally_near_images_the_first_ones_vote() -> None:
    index = EmbeddingIndex(2)
    index.add(POINTS[[1] * 4], np.arange(4), np.zeros(4, dtype=np.int64), list("abcd"))
    voters = Voters(index, _known({"d": 0.9, "c": 0.8, "b": 0.7}))
    assert voters.predict(POINTS[:1], "fox", k=1) == [(0.7, 1.0)]
