"""Fréchet and kernel distances against their textbook formulas."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import sqrtm

from index.embed import Embeddings
from index.evaluate import frechet_distance, kernel_distances
from index.evaluate.distributions import squared_mmd, subset_size


def _unit(rng: np.random.Generator, n: int, dimension: int, shift: float = 0.0) -> Embeddings:
    vectors = rng.normal(size=(n, dimension)) + shift
    return np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_the_frechet_distance_is_the_formula_with_a_matrix_root() -> None:
    rng = np.random.default_rng(0)
    x, y = _unit(rng, 40, 6), _unit(rng, 55, 6, 0.5)
    s1, s2 = (np.cov(one.astype(np.float64), rowvar=False) for one in (x, y))
    gap = x.astype(np.float64).mean(0) - y.astype(np.float64).mean(0)
    expected = gap @ gap + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2).real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(y, x) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_by_hand() -> None:
    # Means 0 and 3, variances 2 and 8 (over n - 1): 9 + 2 + 8 - 2 · 4.
    x = np.float32([[-1, 0], [1, 0]])
    y = np.float32([[1, 0], [5, 0]])
    assert frechet_distance(x, y) == pytest.approx(9 + 2 + 8 - 2 * 4)
    assert frechet_distance(x, x) == 0


def test_fewer_images_than_dimensions_have_a_distance() -> None:
    rng = np.random.default_rng(1)
    x, y = _unit(rng, 5, 30), _unit(rng, 7, 30)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-12)
    assert 0 < frechet_distance(x, y) < 4
    with pytest.raises(ValueError, match="two images, got 1 and 7"):
        frechet_distance(x[:1], y)


def test_the_kernel_distance_is_the_unbiased_mmd_by_brute_force() -> None:
    rng = np.random.default_rng(2)
    x, y = _unit(rng, 6, 3), _unit(rng, 5, 3, 1.0)

    def k(a: Embeddings, b: Embeddings) -> float:
        return float((1 + a.astype(np.float64) @ b.astype(np.float64)) ** 3)

    own = [np.mean([k(a, b) for a, b in itertools.permutations(one, 2)]) for one in (x, y)]
    across = np.mean([k(a, b) for a, b in itertools.product(x, y)])
    assert squared_mmd(x, y) == pytest.approx(own[0] + own[1] - 2 * across, rel=1e-9)


def test_the_subsets_of_one_distribution_are_around_zero() -> None:
    rng = np.random.default_rng(3)
    x, y, z = _unit(rng, 60, 4), _unit(rng, 50, 4), _unit(rng, 50, 4, 1.0)
    assert subset_size(60, 50) == 25
    same = kernel_distances(x, y, np.random.default_rng(0), 40)
    assert same.shape == (40,)
    assert np.quantile(same, 0.025) < 0 < np.quantile(same, 0.975)
    assert (kernel_distances(x, z, np.random.default_rng(0), 40) > 0.3).all()
    again = kernel_distances(x, y, np.random.default_rng(0), 40)
    assert (again == same).all()
    with pytest.raises(ValueError, match="four images, got 3 and 50"):
        kernel_distances(x[:3], y, rng)
