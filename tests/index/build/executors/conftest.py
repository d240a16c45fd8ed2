"""One small build with a real model, and its bank as a single process makes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from index.build import build
from index.config import BuildConfig
from index.demo.scenes import Scenes

from . import fragile

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the backbone looks for a file `deaths`; other processes find it by the environment."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("fragile")
        patch.setenv("GENIE_FRAGILE", str(folder))
        patch.setenv("GENIE_OWNER", str(os.getpid()))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("OMP_NUM_THREADS", "1")  # as torchrun sets it
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield folder
        torch.set_num_threads(before)


@pytest.fixture(scope="package")
def settings(
    folder: Path, stable_diffusion_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Six scenes of three classes, in four shards."""
    scenes = tmp_path_factory.mktemp("scenes")
    Scenes(2, classes=("star", "ring", "heart"), seed=1).write_image_folder(scenes)
    return {
        "source": str(scenes),
        "model": str(stable_diffusion_folder),
        "backbone": f"python:{fragile.__name__}:fragile",
        "num_inference_steps": 4,
        "noise_ratios": (0.5, 0.8),
        "resolution": 16,
        "pairs_per_shard": 3,
        "preview": 0,
        "device": "cpu",
    }


@pytest.fixture(scope="package")
def alone(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The content of the bank that one process makes."""
    return content(build(BuildConfig(**settings, out=tmp_path_factory.mktemp("alone") / "bank")))


def content(bank: Path) -> dict[str, bytes]:
    """Everything but seconds and what only a build needs."""
    kept = ("*.arrow", "embeddings/*", "index/*", "genie.json", "state.json", "build.json")
    found = {
        str(path.relative_to(bank)): path.read_bytes()
        for pattern in kept
        for path in sorted(bank.glob(pattern))
    }
    assert len(found) > 8
    left = [str(path) for path in bank.rglob("*") if path.name.startswith(".")]
    assert left == []
    assert not (bank / "signs").exists()
    return found
