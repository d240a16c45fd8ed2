"""Scoring an arm on episodes."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.heads import HEADS
from benchmarks.episodes.pool import Pool
from benchmarks.few_shot.scoring import run_arm


def test_a_head_that_does_not_converge_fails_its_episode(
    tiny_pool: Pool, episode: Episode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HEADS, "hasty", lambda: LogisticRegression(max_iter=1, tol=1e-12))
    scored = run_arm("txt2img", tiny_pool, [episode], "hasty", 0)
    assert scored["accuracies"] == [None]
    assert scored["failed"][0]["episode"] == 0
    assert "converge" in scored["failed"][0]["reason"]
