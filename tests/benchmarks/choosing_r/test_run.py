"""The comparison of settings that choose r, on a small pool from the demo's own models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.choosing_r.compare import score_settings
from benchmarks.choosing_r.config import ChoosingConfig
from benchmarks.choosing_r.rules import SelectionSetting
from benchmarks.choosing_r.run import half_of, main
from benchmarks.choosing_r.sweeps import few_rows
from benchmarks.episodes import Pool, accuracy, cross_class_pairs, make_pool
from benchmarks.few_shot import ARMS, with_support
from genie_transforms import UserError
from index.demo import oracle_names

_UNTRAINED = "python:benchmarks.episodes.selectors:untrained"


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ChoosingConfig, Pool, dict[str, Any]]:
    work = tmp_path_factory.mktemp("choosing")
    config = ChoosingConfig(
        work=work, episodes=3, k_shot=(1,), per_class=2, num_inference_steps=4,
        backbones=(_UNTRAINED,), sweeps=("independent",), sweep_per_class=1,
        json=work / "c.json", plot=work / "c.png",
    )  # fmt: skip
    report = main(config)
    return config, make_pool(config.few_shot().pool()), report


def test_halves_share_no_image(finished: tuple[ChoosingConfig, Pool, dict[str, Any]]) -> None:
    config, pool, _ = finished
    used: list[set[int]] = []
    for half in (0, 1):
        episodes = half_of(pool, half, config, 1)
        rows = [np.concatenate([e.support_rows, e.query_rows]) for e in episodes]
        used.append(set(np.concatenate(rows).tolist()))
    assert not used[0] & used[1]
    assert all(len(rows) > 5 for rows in used)


def test_a_setting_scores_as_its_arm_does(
    finished: tuple[ChoosingConfig, Pool, dict[str, Any]],
) -> None:
    """Algorithm 1 and r = .8 are the few-shot table's arms, image for image."""
    config, pool, _ = finished
    episodes = half_of(pool, 1, config, 1)
    settings = {
        "genie-ada": SelectionSetting("paper"),
        "genie": SelectionSetting("r = 0.8"),
        "txt2img": SelectionSetting("r = 1"),
    }
    found = score_settings(list(settings.values()), {"demo": pool}, pool, episodes)
    for kept, name in zip(found["ways"], settings, strict=True):
        for number, episode in enumerate(episodes):
            added = ARMS[name](pool, episode, 0)
            learned, queries = with_support(pool, episode, added), episode.query_rows
            labels = episode.query_labels
            expected = accuracy("logistic", learned, pool.embeddings[queries], labels)
            assert kept["accuracy"][number] == expected
            assert kept["oracle_accuracy"][number] == added.facts["oracle_accuracy"]
            psnr = added.facts["background_psnr_db"]
            assert kept["background_psnr_db"][number] == pytest.approx(psnr)


def test_the_oracle_accepts_none_before_its_first(
    finished: tuple[ChoosingConfig, Pool, dict[str, Any]],
) -> None:
    config, pool, _ = finished
    episodes = half_of(pool, 0, config, 1)
    found = score_settings([SelectionSetting("paper")], {"demo": pool}, pool, episodes)
    for episode, first in zip(episodes, found["first"], strict=True):
        pairs = cross_class_pairs(episode)
        for source, target, place in zip(pairs.sources, pairs.classes, first, strict=True):
            predicted = oracle_names(pool.swept.images[source, target])
            places = [k for k, name in enumerate(predicted) if name == pool.class_names[target]]
            assert place == (places[0] if places else len(predicted))


def test_the_report_is_written_and_consistent(
    finished: tuple[ChoosingConfig, Pool, dict[str, Any]],
) -> None:
    config, _, report = finished
    assert config.json is not None
    assert config.plot is not None
    written = json.loads(config.json.read_text())
    assert written["ways"] == json.loads(json.dumps(report["ways"]))
    assert config.plot.stat().st_size > 10_000
    halves = {(e["half"], e["sweep"]) for e in report["ways"]}
    assert halves == {
        ("selection", "own"), ("confirmation", "own"), ("few", "own"), ("few", "independent")
    }  # fmt: skip
    for entry in report["ways"]:
        if entry["way"] == "paper":
            assert entry["to_paper"] == 0
        assert entry["to_hindsight"] <= 0 or not entry["rule"].startswith("r = ")
        if entry["way"] == entry["best_fixed"]:
            assert entry["to_fixed"] == 0
            assert entry["rank_correlation"] is None
        assert np.isclose(sum(entry["chosen"]), 1, atol=0.01)
    best = {e["half"]: e["best_fixed"] for e in report["ways"] if e["sweep"] == "own"}
    assert best["confirmation"] == best["selection"]  # picked on one half, used on the other
    names = {e["way"] for e in report["ways"]}
    assert {"paper, untrained", "crosses, centroid many, from the class"} <= names


def test_other_sweeps_have_other_images(
    finished: tuple[ChoosingConfig, Pool, dict[str, Any]],
) -> None:
    config, pool, report = finished
    assert few_rows(pool, 1).tolist() == [0, 2, 4, 6, 8, 10]
    by_sweep = {
        e["sweep"]: e for e in report["ways"] if e["half"] == "few" and e["way"] == "r = 0.3"
    }
    assert by_sweep["own"]["background_psnr_db"] != by_sweep["independent"]["background_psnr_db"]
    recipe = json.loads((config.work / "sweep-independent" / "build.json").read_text())
    assert "independent" in json.dumps(recipe)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sweeps": ("louder",)}, r"unknown sweeps \['louder'\]"),
        ({"k_shot": (9,)}, r"k_shot must lie in \[1, 8\]"),
        ({"sweep_per_class": 17}, r"sweep_per_class must lie in \[1, per_class = 16\]"),
    ],
)
def test_bad_options_are_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ChoosingConfig(work=tmp_path, **options)
