"""Paired differences, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.long_tail.comparisons import (
    difference,
    holm,
    over_seeds_and_images,
    share_of_gap,
)


def test_differences_are_paired_by_seed() -> None:
    found = difference(np.array([0.5, 0.7, 0.6]), np.array([0.4, 0.5, 0.6]))
    # gaps .1, .2, 0: mean .1, standard deviation .1, t(2, .975) = 4.303, p of t = sqrt(3)
    assert found["difference"] == pytest.approx(0.1)
    half = 4.3027 * 0.1 / 3**0.5
    assert found["interval"] == pytest.approx([0.1 - half, 0.1 + half], abs=1e-4)
    assert found["p"] == pytest.approx(0.2254, abs=1e-4)
    alone = difference(np.array([0.5]), np.array([0.4]))
    assert np.isnan(alone["p"])


def test_holm_multiplies_by_the_number_of_tests_that_are_left() -> None:
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert adjusted == pytest.approx({"b": 0.03, "c": 0.06, "a": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == pytest.approx({"a": 1.0, "b": 1.0})


def test_images_stay_in_their_class_and_arms_are_paired() -> None:
    right, wrong = np.ones(6, bool), np.zeros(6, bool)
    labels = np.array([0, 0, 0, 0, 1, 1])
    assert over_seeds_and_images([right, right], [right, right], [labels, labels]) == [0, 0]
    assert over_seeds_and_images([right, right], [wrong, wrong], [labels, labels]) == [1, 1]
    one_class = np.array([1, 1, 1, 1, 0, 0], bool)  # better on the larger class alone: mean 1/2
    low, high = over_seeds_and_images([one_class] * 2, [wrong] * 2, [labels] * 2)
    assert low == high == pytest.approx(0.5)
    assert np.isnan(over_seeds_and_images([one_class], [wrong], [labels])).all()


def test_seeds_and_images_both_widen_the_interval() -> None:
    labels, wrong = np.zeros(400, dtype=np.int64), np.zeros(400, bool)
    shares = [0.5, 0.6, 0.7]
    first = [np.arange(400) < 400 * share for share in shares]
    low, high = over_seeds_and_images(first, [wrong] * 3, [labels] * 3)
    seeds = 4.3027 * 0.1 / 3**0.5  # as in the first test
    # Mean of the three seeds of each image: 1 of 200, 2/3 of 40, 1/3 of 40, 0 of 120.
    means = np.repeat([1, 2 / 3, 1 / 3, 0], [200, 40, 40, 120])
    half = float(np.hypot(seeds, 1.96 * means.std() / 400**0.5))
    assert high - low == pytest.approx(2 * half, rel=0.02)
    assert high - low > 2 * seeds
    assert (low + high) / 2 == pytest.approx(0.6)


def test_more_seeds_make_no_more_test_images() -> None:
    rng = np.random.default_rng(3)
    right, wrong = rng.random(40) < 0.5, np.zeros(40, bool)
    labels = np.zeros(40, dtype=np.int64)
    low, high = over_seeds_and_images([right] * 2, [wrong] * 2, [labels] * 2)
    many = over_seeds_and_images([right] * 16, [wrong] * 16, [labels] * 16)
    # Equal seeds add nothing: images drawn anew for each would make the interval 3 times narrower.
    assert many[1] - many[0] == pytest.approx(high - low, rel=0.01)


def test_a_share_is_of_the_way_from_resampling_to_real_images() -> None:
    floor, ceiling = np.array([0.2, 0.4]), np.array([0.6, 0.8])
    assert share_of_gap(np.array([0.3, 0.5]), floor, ceiling) == pytest.approx(0.25)
    assert np.isnan(share_of_gap(floor, floor, floor))
