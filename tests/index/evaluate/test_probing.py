"""A linear probe finds what is there, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from index.evaluate import real_or_generated


def test_what_differs_in_one_direction_is_told_apart() -> None:
    rng = np.random.default_rng(0)
    x, y = np.float32(rng.normal(size=(40, 3))), np.float32(rng.normal(size=(60, 3)))
    y[:, 1] += 20
    areas = real_or_generated(x, y, [str(row) for row in range(100)])
    assert areas is not None
    assert areas.tolist() == [1.0] * 5


def test_one_distribution_is_near_chance() -> None:
    rng = np.random.default_rng(1)
    x, y = np.float32(rng.normal(size=(300, 2))), np.float32(rng.normal(size=(300, 2)))
    areas = real_or_generated(x, y, [str(row) for row in range(600)])
    assert areas is not None
    assert areas.mean() == pytest.approx(0.5, abs=0.08)


def test_what_belongs_together_is_not_on_both_sides() -> None:
    # Twelve groups, each of which has a direction of its own: whoever has seen one of its images
    # knows the others. All images of a group are of one kind, which nothing else tells.
    rng = np.random.default_rng(2)
    groups = np.arange(24).repeat(10)
    features = np.float32(10 * np.eye(24)[groups] + 0.1 * rng.normal(size=(240, 24)))
    known = real_or_generated(features[:120], features[120:], [str(i) for i in range(240)])
    unknown = real_or_generated(features[:120], features[120:], [str(g) for g in groups])
    assert known is not None
    assert unknown is not None
    assert known.mean() > 0.99
    assert unknown.mean() < 0.8


def test_too_few_sources_tell_nothing() -> None:
    x = np.eye(20, dtype=np.float32)
    assert real_or_generated(x, x, [str(row % 9) for row in range(40)]) is None
