"""The analyses on a small pool from the demo's own models, and their arms by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.analyses.config import AnalysesConfig
from benchmarks.analyses.previews import previewed
from benchmarks.analyses.run import PAPER_COMPUTE_RATIOS, analyse, costs, main
from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.images import EvaluatedImages, Repeats
from benchmarks.episodes.pool import Pool, make_pool, network_rows_of
from benchmarks.episodes.ratios import POOL_NOISE_RATIOS
from benchmarks.episodes.selectors import embedded_by
from benchmarks.few_shot.generated import adaptive, repeated
from benchmarks.few_shot.scoring import read_or_draw, run_arm
from index.config import PAPER_NOISE_RATIOS

STEPS = 4


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[AnalysesConfig, Pool, dict[str, Any]]:
    work = tmp_path_factory.mktemp("analyses")
    config = AnalysesConfig(
        work=work, episodes=4, k_shot=(1,), per_class=1, num_inference_steps=STEPS,
        selectors=("python:benchmarks.episodes.selectors:pixels",), json=work / "a.json",
        plot=work / "a.png",
    )  # fmt: skip
    pool = make_pool(config.few_shot().pool())
    return config, pool, analyse(config, pool)


def by_arm(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["arm"]: entry for entry in entries}


def test_arms_are_those_of_the_table(
    finished: tuple[AnalysesConfig, Pool, dict[str, Any]],
) -> None:
    """The same images and episodes give the few-shot table's accuracies, arm by arm."""
    config, pool, report = finished
    episodes = read_or_draw(config.few_shot(), pool, 1)
    swept, equal = by_arm(report["noise_ratio"]), by_arm(report["equal_compute"])
    expected = {
        name: 100 * np.mean(run_arm(name, pool, episodes, "logistic", 0)["accuracies"])
        for name in ("genie", "genie-0.5", "txt2img", "genie-ada")
    }
    assert swept["r = 0.8"]["accuracy"] == pytest.approx(expected["genie"], abs=0.006)
    assert swept["r = 0.5"]["accuracy"] == pytest.approx(expected["genie-0.5"], abs=0.006)
    assert swept["genie-ada"]["accuracy"] == pytest.approx(expected["genie-ada"], abs=0.006)
    # Drawn in another order, but with one image of each pair there is nothing to choose.
    assert equal["txt2img x 1"]["accuracy"] == pytest.approx(expected["txt2img"], abs=0.006)
    assert by_arm(report["selector"])["demo"]["accuracy"] == swept["genie-ada"]["accuracy"]
    assert swept["txt2img"]["difference"] == 0
    assert [entry["per_class"] for entry in report["equal_compute"]] == [4, 4, 4, 4, 8]
    counts = [(entry["arm"], entry["per_class"]) for entry in report["number"]]
    assert counts == [(name, n) for n in (1, 2, 4, 8) for name in ("txt2img", "genie")]
    assert all(entry["episodes"] == 4 for entry in report["number"])


def test_a_preview_as_long_as_the_sweep_chooses_the_same(
    finished: tuple[AnalysesConfig, Pool, dict[str, Any]],
) -> None:
    _, pool, report = finished
    entries = by_arm(report["preview"])
    # 2 steps are one call for every r below 1, with the prompt and without; then r* in full.
    ratio = entries["preview 2"]["noise_ratio"]
    assert entries["preview 2"]["network_rows"] == pytest.approx(10 + 8 * ratio, abs=1e-3)
    whole = previewed(pool, STEPS)
    columns = [pool.place(ratio) for ratio in PAPER_NOISE_RATIOS]
    off = ~np.eye(len(pool.class_names), dtype=bool)  # one support image a class, in order
    seen, own = whole.swept.embeddings[:, :, columns][off], pool.swept.embeddings[:, :, columns]
    np.testing.assert_allclose(seen, own[off], atol=1e-4)
    assert np.isnan(whole.swept.embeddings[:, :, pool.place(0.3)]).all()


def test_costs_by_hand(finished: tuple[AnalysesConfig, Pool, dict[str, Any]]) -> None:
    # The paper's 50 steps: 50 r calls, each with the prompt and without.
    _, pool, report = finished
    full = replace(
        pool,
        config=replace(pool.config, num_inference_steps=50),
        network_rows={"sweep": 30 * (30 + 40 + 50 + 60 + 70 + 80 + 90 + 100)},
    )
    found = {entry["arm"]: entry["to_txt2img"] for entry in costs(full, {})}
    assert found["r = 0.5"] == 0.5
    assert found["ada over 0.6, 0.7, 0.8"] == 2.1
    assert found["ada over 0.5, 0.6, 0.7, 0.8, 0.9"] == 3.5
    with pytest.raises(ValueError, match="the sweep sent 1 rows, its schedule gives 15600"):
        costs(replace(full, network_rows={"sweep": 1}), {})
    own = {entry["arm"]: entry for entry in report["cost"]}
    assert own["txt2img"]["counted_in_its_own_bank"] == network_rows_of(1.0, STEPS)
    assert own["r = 0.8"]["counted_in_its_own_bank"] == network_rows_of(0.8, STEPS)


def test_it_is_written_and_continues(
    finished: tuple[AnalysesConfig, Pool, dict[str, Any]],
) -> None:
    config, pool, report = finished
    shards = sorted(config.work.rglob("data-*.arrow"))
    before = [path.stat().st_mtime_ns for path in shards]
    assert main(config) == {**report, "head": "logistic", "digest": pool.digest,
                            "classes": list(pool.class_names)}  # fmt: skip
    assert [path.stat().st_mtime_ns for path in shards] == before
    written = json.loads((config.work / "a.json").read_text())
    assert written["selector"] == report["selector"]
    assert "versions" in written
    assert (config.work / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def numbered() -> Repeats:
    """Six support images, six classes, three variations; a feature says which image it is."""
    places = np.stack(np.meshgrid(range(6), range(6), range(3), indexing="ij"), -1)
    features, hits = places.astype(np.float32), places[..., 2] == 0
    blank = torch.zeros(6, 6, 3, 3, 8, 8, dtype=torch.uint8)
    unknown = np.full(hits.shape, np.nan)
    return Repeats(0.8, EvaluatedImages(blank, features, hits, unknown), 40.0)


def test_pairs_repeat_only_when_all_came_once(numbered: Repeats) -> None:
    pool: Any = None  # this arm asks nothing of it
    episode = Episode((4, 1, 3), ((4,), (1,), (3,)), ((6,), (7,), (8,)))
    for per_class in (1, 2, 3, 5, 6):
        added = repeated(numbered, per_class)(pool, episode, 3)
        assert added.soft.sum(0).tolist() == [per_class] * 3
        for target, label in enumerate(episode.classes):
            made = added.features[added.soft.argmax(1) == target]
            assert set(made[:, 1]) == {label}
            assert set(made[:, 0]) <= {4, 1, 3} - {label}
            assert len({tuple(place) for place in made.tolist()}) == per_class
            # Two sources: variation v comes only after both have v - 1.
            assert made[:, 2].tolist() == [k // 2 for k in range(per_class)]
        assert added.facts["oracle_accuracy"] == pytest.approx(min(2, per_class) / per_class)
    with pytest.raises(ValueError, match="7 images of a class are wanted, there are 6"):
        repeated(numbered, 7)(pool, episode, 3)


def test_another_backbone_chooses_and_the_features_stay(
    finished: tuple[AnalysesConfig, Pool, dict[str, Any]],
) -> None:
    _, pool, _ = finished
    # For this selector, every image jumps to its target right at r = 0.7.
    real = np.eye(6)[np.arange(len(pool.labels)) % 6][:, :6]
    real[:6] = np.eye(6)
    swept = np.zeros((6, 6, len(POOL_NOISE_RATIOS), 6))
    for source in range(6):
        for target in range(6):
            share = (np.array(POOL_NOISE_RATIOS) >= 0.7)[:, None]
            swept[source, target] = np.where(share, np.eye(6)[target], np.eye(6)[source])
    selector = replace(pool, embeddings=real, swept=replace(pool.swept, embeddings=swept))
    episode = Episode((4, 1, 3), ((4,), (1,), (3,)), ((6,), (7,), (8,)))
    for grid in (PAPER_NOISE_RATIOS, PAPER_COMPUTE_RATIOS):
        added = adaptive("paper", grid, selector)(pool, episode, 0)
        assert added.facts["noise_ratio"] == pytest.approx(0.7)
        expected = pool.swept.embeddings[
            [1, 3, 4, 3, 4, 1], [4, 4, 1, 1, 3, 3], POOL_NOISE_RATIOS.index(0.7)
        ]
        assert np.array_equal(added.features, expected)
        assert added.facts["network_rows"] == sum(network_rows_of(ratio, STEPS) for ratio in grid)


def test_a_pool_embedded_by_another_backbone(
    finished: tuple[AnalysesConfig, Pool, dict[str, Any]], tmp_path: Path
) -> None:
    _, pool, _ = finished
    assert embedded_by(pool, "demo", tmp_path) is pool
    pixels = embedded_by(pool, "python:benchmarks.episodes.selectors:pixels", tmp_path)
    assert pixels.embeddings.shape == (len(pool.labels), 192)
    flat = torch.nn.functional.adaptive_avg_pool2d(pool.images[:1].float(), 8).flatten().numpy()
    flat = flat - flat.mean()
    assert pixels.embeddings[0] == pytest.approx(flat / np.linalg.norm(flat), abs=1e-4)
    assert pixels.swept.embeddings.shape == (6, 6, len(POOL_NOISE_RATIOS), 192)
    assert torch.equal(pixels.swept.images, pool.swept.images)
    with pytest.raises(ValueError, match="unknown backbone 'nobody'"):
        embedded_by(pool, "nobody", tmp_path)


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="more must not be negative"):
        AnalysesConfig(work=Path(), more=-1)
