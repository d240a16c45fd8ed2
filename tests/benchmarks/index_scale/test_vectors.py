"""Synthetic embeddings, and what tells their distributions apart."""

import numpy as np
import pytest

from benchmarks.index_scale.vectors import DIMENSION, DISTRIBUTIONS


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_vectors_are_unit_norm_and_follow_the_seed(name: str) -> None:
    draw = DISTRIBUTIONS[name]
    vectors = draw(300, 1)
    assert vectors.shape == (300, DIMENSION)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors, draw(300, 1))
    assert not np.array_equal(vectors, draw(300, 2))


def test_structure_is_in_the_neighbours() -> None:
    nearest, others = {}, {}
    for name, draw in DISTRIBUTIONS.items():
        cosines = draw(400, 2) @ draw(6000, 1).T
        nearest[name] = float(np.median(cosines.max(1)))
        others[name] = float(np.median(cosines))
    assert max(others.values()) < 0.1
    assert nearest["uniform"] < 0.2 < 0.5 < nearest["clouds"] < nearest["clustered"]
