"""Settings that commands on one pool share."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.analyses.config import AnalysesConfig
from benchmarks.choosing_r.config import ChoosingConfig
from benchmarks.episodes.config import EpisodeConfig
from benchmarks.few_shot.config import FewShotConfig


def test_commands_on_one_pool_ask_for_the_same() -> None:
    settings = {"work": Path("w"), "per_class": 12, "num_inference_steps": 7, "k_shot": (2,)}
    pools = [
        FewShotConfig(**settings).pool(),
        AnalysesConfig(**settings).few_shot().pool(),
        ChoosingConfig(**settings).few_shot().pool(),
    ]
    assert pools[0] == pools[1] == pools[2]
    assert (pools[0].per_class, pools[0].num_inference_steps) == (12, 7)
    run = AnalysesConfig(**settings, seed=3, head="svm", quick=True).few_shot()
    assert (run.seed, run.head, run.quick) == (3, "svm", True)


def test_a_quick_pool_of_two_halves_is_larger() -> None:
    assert FewShotConfig(work=Path("w"), quick=True).pool().per_class == 6
    quick = ChoosingConfig(work=Path("w"), quick=True).few_shot().pool()
    assert (quick.per_class, quick.num_inference_steps) == (10, 10)


def test_shots_are_checked_for_all() -> None:
    with pytest.raises(ValueError, match=r"k_shot must be at least 1, got \(0,\)"):
        EpisodeConfig(work=Path("w"), k_shot=(0,))
