"""Mean distances and Vendi scores, by hand and by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from index.evaluate import mean_distance, vendi_score
from index.evaluate.diversity import within_classes

AXES = np.eye(4, dtype=np.float32)


def test_the_mean_distance_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    x = np.float32(rng.normal(size=(7, 3)))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    pairs = [1 - float(a @ b) for a, b in itertools.combinations(x.astype(np.float64), 2)]
    assert mean_distance(x) == pytest.approx(np.mean(pairs), abs=1e-6)
    assert mean_distance(AXES) == pytest.approx(1)
    with pytest.raises(ValueError, match="got 1"):
        mean_distance(AXES[:1])


def test_the_vendi_score_counts_different_images() -> None:
    assert vendi_score(AXES) == pytest.approx(4)
    assert vendi_score(AXES[[0, 0, 0]]) == pytest.approx(1)
    # Two of one kind and one of another: exp of the entropy of (2/3, 1/3).
    expected = np.exp(-(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)))
    assert vendi_score(AXES[[0, 0, 1]]) == pytest.approx(expected)


def test_classes_count_equally_and_those_of_one_image_not_at_all() -> None:
    embeddings, labels = AXES[[0, 1, 2, 2, 2, 3]], np.array([0, 0, 1, 1, 1, 2])
    assert within_classes(embeddings, labels) == pytest.approx(
        {"mean_distance": 0.5, "vendi_score": 1.5}
    )
    assert within_classes(AXES, np.arange(4)) == {"mean_distance": None, "vendi_score": None}
