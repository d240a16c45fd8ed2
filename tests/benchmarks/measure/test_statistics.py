"""Means, intervals and paired differences, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.measure.statistics import mean_and_interval, paired_difference

NAN = float("nan")


def test_mean_and_interval_by_hand() -> None:
    # Standard deviation 1, 4 episodes: half the interval is 1.96 / 2.
    assert mean_and_interval(np.array([1.0, 3, 1, 3])) == pytest.approx((2, 0.98))


def test_failed_episodes_are_left_out() -> None:
    assert mean_and_interval(np.array([1.0, NAN, 3, 1, 3])) == pytest.approx((2, 0.98))
    assert np.isnan(mean_and_interval(np.array([NAN, NAN]))).all()


def test_pairing_takes_away_what_episodes_share() -> None:
    rng = np.random.default_rng(0)
    hardness, noise = 10 * rng.normal(size=400), rng.normal(size=400)
    mean, (low, high) = paired_difference(hardness + 2 + noise, hardness)
    assert mean == pytest.approx(2 + noise.mean())
    # The bootstrap agrees with the normal interval of the differences.
    half = 1.96 * noise.std() / 20
    assert low == pytest.approx(mean - half, abs=0.02)
    assert high == pytest.approx(mean + half, abs=0.02)


def test_the_bootstrap_by_hand() -> None:
    # The mean of two draws of {0, 1} is 0, 1/2 or 1 with probabilities 1/4, 1/2 and 1/4.
    mean, (low, high) = paired_difference(np.array([0.0, 1]), np.zeros(2))
    assert (mean, low, high) == (0.5, 0, 1)


def test_only_common_episodes_count() -> None:
    values, baseline = np.array([3.0, NAN, 5, 4]), np.array([1.0, 0, NAN, 2])
    assert paired_difference(values, baseline) == (2, (2, 2))
    lonely = paired_difference(values[:3], baseline[:3])
    assert lonely[0] == 2
    assert np.isnan(lonely[1]).all()
    assert np.isnan(paired_difference(np.array([NAN]), np.array([1.0]))[0])


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).normal(size=30)
    first = paired_difference(values, np.zeros(30))
    assert first == paired_difference(values, np.zeros(30))
    assert first != paired_difference(values, np.zeros(30), seed=1)


def test_other_episodes_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same episodes"):
        paired_difference(np.zeros(3), np.zeros(4))
