"""What tests of several benchmarks share: a pool of the demo's, and pipelines of a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.episodes.config import PoolConfig
from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.pool import Pool, make_pool
from benchmarks.small_pipeline.run import main as train
from tests.benchmarks.painted import IMBALANCE, LARGEST, tiny_pipeline, write_painted


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


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with painted images in `data`, which pipelines are trained beside."""
    folder = tmp_path_factory.mktemp("painted")
    write_painted(folder / "data")
    return folder


@pytest.fixture(scope="session")
def closed(painted: Path) -> Path:
    """A pipeline that learned from the long tail of seed 1 alone."""
    tail = {"half": "classifier", "largest": LARGEST, "imbalance": IMBALANCE, "seed": 1}
    train(tiny_pipeline(painted / "data", painted / "closed-1", **tail))
    return painted / "closed-1"


@pytest.fixture(scope="session")
def unaware(painted: Path) -> Path:
    """A pipeline of the other half that never saw the Few classes of seed 1."""
    few = ("rain_boot", "shirt")
    train(tiny_pipeline(painted / "data", painted / "unaware-1", half="generator", leave_out=few))
    return painted / "unaware-1"
