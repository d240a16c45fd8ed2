"""Precision, recall, density and coverage against loops over pairs of images."""

from __future__ import annotations

import numpy as np
import pytest

from index.embed import Embeddings
from index.evaluate import manifold_scores, manifolds


def _loops(x: Embeddings, y: Embeddings, k: int) -> tuple[float, float, float, float]:
    """The papers' definitions, by Euclidean distances, one pair at a time."""

    def radius(one: Embeddings, i: int) -> float:
        return sorted(np.linalg.norm(one[i] - one[j]) for j in range(len(one)) if j != i)[k - 1]

    rx, ry = [radius(x, i) for i in range(len(x))], [radius(y, j) for j in range(len(y))]
    d = [[float(np.linalg.norm(a - b)) for b in y] for a in x]
    n, m = len(x), len(y)
    precision = sum(any(d[i][j] <= rx[i] for i in range(n)) for j in range(m)) / m
    recall = sum(any(d[i][j] <= ry[j] for j in range(m)) for i in range(n)) / n
    density = sum(d[i][j] <= rx[i] for i in range(n) for j in range(m)) / (k * m)
    coverage = sum(any(d[i][j] <= rx[i] for j in range(m)) for i in range(n)) / n
    return precision, recall, density, coverage


@pytest.mark.parametrize("k", [1, 5])
def test_scores_are_those_of_loops(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifolds, "_BLOCK", 7)  # several blocks, and one that is not full
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 3)), rng.normal(size=(17, 3)) * (1, 1, 0.3) + (0.4, 0, 0)
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y))
    found = manifold_scores(x.astype(np.float64), y.astype(np.float64), k)  # type: ignore[arg-type]
    precision, recall, density, coverage = _loops(x, y, k)
    assert (found.precision, found.recall) == (precision, recall)
    assert found.density == pytest.approx(density)
    assert found.coverage == coverage
    assert 0 < recall < 1


def test_scores_by_hand() -> None:
    # On a circle, in degrees; of k = 1, each real neighbourhood reaches 10° to both sides.
    x, y = _at(0, 10, 90, 100), _at(5, 50, 52)
    found = manifold_scores(x, y, 1)
    assert found.precision == pytest.approx(1 / 3)  # 5° alone
    assert found.density == pytest.approx(2 / 3)  # which is near two of them
    assert found.coverage == pytest.approx(1 / 2)  # 0° and 10°
    # 5° reaches 45° far, to 0° and 10°; 50° and 52° reach 2°.
    assert found.recall == pytest.approx(1 / 2)


def test_the_same_set_twice() -> None:
    rng = np.random.default_rng(1)
    x = np.float32(rng.normal(size=(20, 5)))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = manifold_scores(x, x, 3)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    # Each image is in its own neighbourhood and in those of three others on average.
    assert found.density == pytest.approx(4 / 3)
    with pytest.raises(ValueError, match="k must be 1 to 19, got 20"):
        manifold_scores(x, x, 20)


def _at(*degrees: float) -> Embeddings:
    angles = np.deg2rad(degrees)
    return np.float32(np.stack([np.cos(angles), np.sin(angles)], axis=1))
