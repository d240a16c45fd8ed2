"""Tokens of a seed: learned from its own images of the Few classes, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail, open_pool
from benchmarks.long_tail.run import main
from benchmarks.long_tail.tokens import learn_tokens
from genie_transforms import FolderInUseError
from index.diffusion import ModelError

_CONFIG = LongTailConfig(
    largest=60, imbalance=30.0, inversion_iterations=2, device="cpu", arms=("dafusion",)
)


def test_tokens_are_learned_once_from_the_seeds_own_images(tmp_path: Path) -> None:
    tail = open_long_tail(_CONFIG, *open_pool(_CONFIG), seed=0)
    paths = learn_tokens(_CONFIG, tail, tmp_path, 0)
    few = [tail.pool.classes[label] for label in tail.few]
    assert [path.relative_to(tmp_path) for path in paths] == [
        Path("tokens") / f"{name}.safetensors" for name in few
    ]
    learned = load_file(paths[0])
    # What is missing is learned again, and is the same; the others are not touched.
    before = paths[1].stat().st_mtime_ns
    paths[0].unlink()
    assert learn_tokens(_CONFIG, tail, tmp_path, 0) == paths
    # Up to rounding: it was learned beside others before.
    for name, embedding in load_file(paths[0]).items():
        torch.testing.assert_close(embedding, learned[name], rtol=0, atol=1e-4)
    assert paths[1].stat().st_mtime_ns == before
    # Other images of a Few class, more steps or another seed are another token.
    of_last = np.flatnonzero(tail.labels == tail.few[-1])
    fewer = replace(tail, rows=np.delete(tail.rows, of_last[0]))
    for changed, seed, config in (
        (fewer, 0, _CONFIG),
        (tail, 1, _CONFIG),
        (tail, 0, replace(_CONFIG, inversion_iterations=3)),
    ):
        with pytest.raises(FolderInUseError, match="was learned from other images, by another"):
            learn_tokens(config, changed, tmp_path, seed)


def test_a_model_without_tokens_is_refused_before_the_baseline(
    sd3_folder: Path, tmp_path: Path
) -> None:
    config = replace(_CONFIG, model=str(sd3_folder), seeds=(0,), work=tmp_path)
    with pytest.raises(ModelError, match="takes no learned tokens"):
        main(config)
    assert [path.name for path in (tmp_path / "seed-0").iterdir()] == ["training.json"]
