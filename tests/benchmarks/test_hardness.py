"""The figures of the hardness benchmark, by hand."""

import numpy as np
import pytest

from benchmarks.hardness import Seen, figures, open_workshop, plans


def test_figures_by_hand() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]])
    # Called 0, 0, 2, 1: right, taken for the source, taken for a third class, right.
    seen = Seen(np.array([0, 1, 1, 1]), np.array([2, 0, 0, 2]), shares)
    found = figures(seen)
    assert found["pairs"] == 4
    assert found["off_diagonal"] == 0.5
    assert found["standard_error"] == pytest.approx(0.25)
    assert found["to_source"] == 0.25
    assert found["loss"] == pytest.approx(-np.log([0.7, 0.3, 0.1, 0.5]).mean())
    assert figures(seen.take([0, 3]))["off_diagonal"] == 0


def test_every_plan_has_as_many_pairs() -> None:
    shop = open_workshop(1)
    sizes = {name: len(plan) for name, plan in plans(shop, 2).items()}
    assert sizes == {"random:2": 28, "nearest:2": 28, "confusion:2": 28}
