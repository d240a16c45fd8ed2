"""The benchmark of the index on few vectors, and its committed results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.index_scale.run import DIMENSION, arms, fill, on_paper, stored_bytes, synthetic

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_synthetic_vectors_are_unit_norm_and_come_in_classes() -> None:
    vectors = synthetic(3000, seed=1)
    assert vectors.shape == (3000, DIMENSION)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors[:500] @ vectors.T
    cosines[np.arange(500), np.arange(500)] = 0
    assert (cosines.max(1) > 0.5).mean() > 0.9  # a neighbour of the same class
    assert np.median(cosines) < 0.1  # and most are of others
    assert not np.array_equal(vectors, synthetic(3000, seed=2))


def test_bytes_of_a_flat_index_are_those_of_its_vectors() -> None:
    index = fill("Flat", synthetic(1000, seed=1))
    assert 0 <= stored_bytes(index) - 1000 * (DIMENSION * 4 + 8) < 1000
    assert index.measure_recall(synthetic(1000, seed=1), synthetic(20, seed=2), 10) == 1


def test_cells_grow_with_the_size() -> None:
    assert [factory for factory, _ in arms(10_000)] == ["Flat", "IVF256,PQ96", "HNSW32"]
    assert arms(1_000_000)[1][0] == "IVF2048,PQ96"


def test_on_paper_by_hand() -> None:
    results = [
        {"size": 10, "factory": "Flat", "bytes_per_vector": 4000.0},
        {"size": 20, "factory": "Flat", "bytes_per_vector": 3080.0},
    ]
    assert on_paper(results) == {"Flat": 308.0}


def test_committed_results_are_read() -> None:
    result = json.loads((RESULTS / "index_scale.json").read_text())
    assert on_paper(result["arms"]) == result["gigabytes_of_100m"]
