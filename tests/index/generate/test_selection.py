"""Algorithm 1 and its variants, by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.generate.selection import projections, select

SOURCE, CENTROID = np.array([1.0, 0.0]), np.array([1.0, 2.0])


def test_projection_is_0_at_the_source_and_1_at_the_centroid() -> None:
    points = np.array([SOURCE, CENTROID, [5.0, 1.0], [1.0, -2.0]])
    assert projections(points, SOURCE, CENTROID).tolist() == [0.0, 1.0, 0.5, -1.0]


def test_projection_of_many_pairs_is_that_of_each() -> None:
    rng = np.random.default_rng(0)
    z, s, t = rng.normal(size=(4, 5, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    together = projections(z, s, t)
    assert together.shape == (4, 5)
    for k in range(4):
        np.testing.assert_allclose(together[k], projections(z[k], s[k], t[k]))


def test_no_line_between_equal_points() -> None:
    with pytest.raises(ValueError, match="no line between"):
        projections(np.zeros((3, 2)), SOURCE, SOURCE)
    sources = np.stack([SOURCE, CENTROID])
    with pytest.raises(ValueError, match=r"centroid \(pair \[1\]\): there is no line"):
        projections(np.zeros((2, 3, 2)), sources, np.stack([CENTROID, CENTROID]))


@pytest.mark.parametrize(("place", "name"), [(0, "swept image"), (1, "source"), (2, "centroid")])
def test_broken_embeddings_are_named(place: int, name: str) -> None:
    given = [np.ones((3, 2)), SOURCE.copy(), CENTROID.copy()]
    given[place][..., 0] = np.nan
    with pytest.raises(ValueError, match=f"the embedding of a {name} is not finite"):
        projections(*given)


def test_dimensions_must_agree() -> None:
    with pytest.raises(ValueError, match="3 dimensions, the source 2"):
        projections(np.zeros((3, 3)), SOURCE, CENTROID)


@pytest.mark.parametrize(
    ("projected", "rule", "chosen"),
    [
        # jumps .1, .5, .1
        ([0.1, 0.2, 0.7, 0.8], "paper", 2),
        # a move back of .6 is larger than the moves forward: the paper's jump has no sign
        ([0.5, 0.7, 0.1, 0.4], "paper", 2),
        ([0.5, 0.7, 0.1, 0.4], "signed", 3),
        # the jump from the source to the first r is the largest, and only from_source sees it
        ([0.6, 0.7, 0.9], "paper", 2),
        ([0.6, 0.7, 0.9], "from_source", 0),
        # beyond the middle at .6, but not for good; from .7 on it is
        ([0.6, 0.2, 0.7, 0.8], "settles", 2),
        ([0.6, 0.7, 0.8], "settles", 0),
        # the middle itself is as near to the source; nothing stays beyond it: the last
        ([0.9, 0.5], "settles", 1),
        ([0.4], "settles", 0),
        ([0.2, 0.6, 0.4, 0.7, 0.9], "passes", 2),
        ([0.6, 0.1, 0.1], "passes", 1),
        ([0.1, 0.2, 0.6], "passes", 2),
        ([0.1, 0.5, 0.4], "passes", 2),
        ([0.7], "passes", 0),
        # ties go to the smaller r
        ([0.0, 0.5, 1.0], "paper", 1),
        ([0.5, 1.0, 1.5], "from_source", 0),
    ],
)
def test_rules(projected: list[float], rule: str, chosen: int) -> None:
    assert int(select(np.array(projected), rule)) == chosen


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=6))
def test_the_first_ratio_never_wins_under_the_papers_rule(projected: list[float]) -> None:
    chosen = int(select(np.array(projected)))
    jumps = [abs(b - a) for a, b in pairwise(projected)]
    assert 1 <= chosen < len(projected)
    assert jumps[chosen - 1] == max(jumps)
    assert jumps.index(max(jumps)) == chosen - 1


@pytest.mark.parametrize(
    ("projected", "rule", "message"),
    [
        (
            [0.1, 0.2],
            "best",
            "unknown rule 'best'; choose among paper, signed, from_source, settles, passes",
        ),
        ([0.1], "paper", "at least 2 noise ratios, got 1"),
        ([0.1, np.nan], "paper", "not finite"),
        (0.1, "from_source", "axis of noise ratios"),
    ],
)
def test_bad_input_is_named(projected: list[float], rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        select(np.array(projected), rule)
