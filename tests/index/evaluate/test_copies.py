"""Near-duplicates of real images are found, the nearest first."""

from __future__ import annotations

import numpy as np

from index.evaluate import near_duplicates


def test_only_what_is_near_is_listed() -> None:
    real = np.float32([[1, 0], [0, 1]])
    generated = np.float32([[0.6, 0.8], [0, 1], [np.cos(0.1), np.sin(0.1)]])
    found = near_duplicates(real, generated, [3, 5, 8], ["a.png", "b.png"])
    assert [(copy.row, copy.real, copy.similarity) for copy in found] == [
        (5, "b.png", 1.0),
        (8, "a.png", 0.995),
    ]
