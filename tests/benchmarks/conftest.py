"""The smallest pool that the demo's own models make, shared by all tests of episodes and arms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.episodes.config import PoolConfig
from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.pool import Pool, make_pool


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pool")


@pytest.fixture(scope="session")
def tiny_pool(work: Path) -> Pool:
    """One support image of each class, 4 steps."""
    return make_pool(PoolConfig(work=work, per_class=1, num_inference_steps=4))


@pytest.fixture
def episode(tiny_pool: Pool) -> Episode:
    """Three of six classes, in another order than the pool's, one support image each."""
    query = [np.flatnonzero(tiny_pool.labels[6:] == label)[:4] + 6 for label in (4, 1, 3)]
    return Episode((4, 1, 3), ((4,), (1,), (3,)), tuple(tuple(rows.tolist()) for rows in query))
