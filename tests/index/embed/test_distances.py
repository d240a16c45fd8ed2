"""Distances of all pairs equal a brute force."""

import numpy as np
import pytest

from index.embed.distances import distances


def test_by_hand() -> None:
    first = np.float32([[1, 0], [0, 1]])
    second = np.float32([[1, 0], [-1, 0]])
    found = distances(first, second)  # 0, 2; 1, 1
    assert found.mean == pytest.approx(1)
    assert found.std == pytest.approx(0.5**0.5)
    assert found.quantiles == [0, 0, 1, 1, 2]
    assert found.nearest_mean == pytest.approx(0.5)


def test_blocks_equal_brute_force() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal((count, 8)) for count in (2500, 40))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    apart = 1 - first @ second.T
    found = distances(np.float32(first), np.float32(second))
    assert found.mean == pytest.approx(apart.mean(), abs=1e-6)
    assert found.std == pytest.approx(apart.std(), abs=1e-6)
    assert found.nearest_mean == pytest.approx(apart.min(0).mean(), abs=1e-6)
    expected = np.quantile(apart, [0.05, 0.25, 0.5, 0.75, 0.95])
    np.testing.assert_allclose(found.quantiles, expected, atol=1.1e-3)
