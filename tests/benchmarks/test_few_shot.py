"""Arms on a small pool from the demo's own models, and the whole run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.heads import HEADS
from benchmarks.episodes.images import EvaluatedImages
from benchmarks.episodes.inverted import InversionRun, add_inverted_images
from benchmarks.episodes.pairs import INVERTED, cross_class_pairs
from benchmarks.episodes.pool import RATIOS, Pool, PoolConfig, make_pool, rows_of
from benchmarks.few_shot.arms import ARMS, GRID, adaptive, fixed, support_features
from benchmarks.few_shot.config import FewShotConfig
from benchmarks.few_shot.report import plot, summarize_arm, table
from benchmarks.few_shot.run import main
from benchmarks.few_shot.scoring import run_arm
from index.demo.weights import oracle_names
from index.diffusion.inversion.training import Inversion

STEPS = 4
TINY = {"per_class": 1, "num_inference_steps": STEPS}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("few-shot")


@pytest.fixture(scope="module")
def pool(work: Path) -> Pool:
    return make_pool(PoolConfig(work=work, **TINY))


@pytest.fixture
def episode(pool: Pool) -> Episode:
    """Three of six classes, in another order than the pool's, one support image each."""
    query = [np.flatnonzero(pool.labels[6:] == label)[:4] + 6 for label in (4, 1, 3)]
    return Episode((4, 1, 3), ((4,), (1,), (3,)), tuple(tuple(rows.tolist()) for rows in query))


def test_the_pool_has_every_picture_once(pool: Pool) -> None:
    assert pool.labels[:6].tolist() == list(range(6))
    assert pool.swept.images.shape == (6, 6, len(RATIOS), 3, 64, 64)
    own = torch.arange(6)
    empty = pool.swept.images.flatten(2).amax(2) == 0
    assert torch.equal(empty, torch.eye(6, dtype=torch.bool))
    assert not pool.swept.images[own, own].any()
    for made in pool.same_class.values():
        assert made.images.shape == (6, 4, 3, 64, 64)
        assert len({image.numpy().tobytes() for image in made.images.flatten(0, 1)}) == 24
    rows = pool.network_rows
    assert rows["sweep"] == 30 * sum(rows_of(ratio, STEPS) for ratio in RATIOS)
    assert rows["img2img-low"] == 24 * rows_of(0.3, STEPS)
    assert rows["cap2aug"] == 24 * rows_of(0.7, STEPS)


def test_rows_by_hand() -> None:
    # The paper's grid of 50 steps: 50 r calls, each with the prompt and without.
    assert [rows_of(ratio, 50) for ratio in (0.3, 0.8, 1.0)] == [30, 80, 100]


def test_pictures_know_what_they_show(pool: Pool) -> None:
    made = pool.swept.images[0, 1:]
    names = np.array(oracle_names(made.flatten(0, 1))).reshape(5, len(RATIOS))
    expected = names == np.array(pool.class_names)[1:, None]
    assert np.array_equal(pool.swept.hits[0, 1:], expected)
    again = pool.same_class["img2img-high"]
    flat = np.array(oracle_names(again.images.flatten(0, 1))).reshape(6, 4)
    assert np.array_equal(again.hits, flat == np.array(pool.class_names)[:, None])
    assert pool.swept.embeddings[2, 3, 4] == pytest.approx(
        pool.backbone(pool.swept.images[2, 3, 4:5])[0], abs=1e-5
    )
    # Less of the source's background is left with more noise.
    assert pool.swept.psnr[0, 1:, 0].mean() > pool.swept.psnr[0, 1:, -1].mean()


def test_it_is_made_once(pool: Pool, work: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in work.rglob("data-*.arrow")}
    again = make_pool(PoolConfig(work=work, **TINY))
    assert again.digest == pool.digest
    assert np.array_equal(again.swept.embeddings, pool.swept.embeddings)
    assert {path: path.stat().st_mtime_ns for path in work.rglob("data-*.arrow")} == before
    with pytest.raises(FileExistsError, match="another pool, of 1 support"):
        make_pool(PoolConfig(work=work, per_class=2, num_inference_steps=STEPS))


def test_negatives_come_from_the_other_classes(episode: Episode) -> None:
    pairs = cross_class_pairs(episode)
    assert pairs.sources.tolist() == [1, 3, 4, 3, 4, 1]
    assert pairs.targets.tolist() == [0, 0, 1, 1, 2, 2]
    assert pairs.classes.tolist() == [4, 4, 1, 1, 3, 3]


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_adds_as_many_labelled_images(
    name: str, pool: Pool, episode: Episode, tmp_path: Path
) -> None:
    if name in INVERTED:
        pool = add_inverted_images(pool, [episode], InversionRun(tmp_path, Inversion(iterations=1)))
    support, facts = support_features(name, pool, episode, seed=7)
    assert support.weights.sum() == pytest.approx(9)  # N (K + (N - 1) K) = 3 (1 + 2)
    assert np.array_equal(support.features[:3], pool.embeddings[[4, 1, 3]])
    norms = np.linalg.norm(support.features, axis=1)
    assert norms == pytest.approx(np.ones(len(norms)), abs=1e-4)
    if "mix" not in name.replace("mixed", ""):
        shares = np.bincount(support.labels, weights=support.weights)
        assert shares == pytest.approx([3, 3, 3])
    if facts:
        assert set(facts) == {
            "oracle_accuracy",
            "background_psnr_db",
            "noise_ratio",
            "network_rows",
        }
    again, _ = support_features(name, pool, episode, seed=7)
    assert np.array_equal(again.features, support.features)
    assert np.array_equal(again.weights, support.weights)


def test_fixed_arms_take_their_noise_ratio(pool: Pool, episode: Episode) -> None:
    for ratio, name in ((0.8, "genie"), (0.5, "genie-0.5"), (1.0, "txt2img")):
        support, facts = support_features(name, pool, episode, seed=0)
        place = RATIOS.index(ratio)
        # The two negatives of the episode's first class, 4, are made from images 1 and 3.
        assert np.array_equal(support.features[3:5], pool.swept.embeddings[[1, 3], 4, place])
        assert support.labels[3:5].tolist() == [0, 0]
        assert facts["noise_ratio"] == pytest.approx(ratio)
        assert facts["network_rows"] == rows_of(ratio, STEPS)


def test_algorithm_1_uses_the_episodes_own_centroids(pool: Pool) -> None:
    """Two classes, two shots: sweeps that move along the line to the centroid by known steps."""
    corners = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0, 1], [0, 0.6, 0.8]])
    centroids = np.stack([corners[:2].mean(0), corners[2:].mean(0)])
    steps = {
        0: [0.0, 0.1, 0.7, 0.8, 0.9],  # the largest jump is into r = 0.7
        1: [0.1, 0.5, 0.6, 0.7, 0.8],  # into 0.6
        2: [0.0, 0.6, -0.1, 0.0, 0.1],  # backwards, into 0.7; the largest forward one into 0.6
        3: [0.7, 0.8, 0.85, 0.9, 1.2],  # into 0.9; from the source itself, into 0.5
    }
    swept = np.zeros((4, 2, len(RATIOS), 3))
    at = [RATIOS.index(ratio) for ratio in GRID]
    for row, walked in steps.items():
        target = 1 - row // 2
        line = centroids[target] - corners[row]
        swept[row, target, at] = corners[row] + np.array(walked)[:, None] * line
    shape = swept.shape[:-1]
    made = EvaluatedImages(torch.zeros(0), swept, np.zeros(shape, dtype=bool), np.zeros(shape))
    small = replace(
        pool, labels=np.array([0, 0, 1, 1]), embeddings=corners, swept=made,
        config=replace(pool.config, per_class=2),
    )  # fmt: skip
    episode = Episode((0, 1), ((0, 1), (2, 3)), ((4,), (5,)))
    chosen = {"paper": [0.7, 0.9, 0.7, 0.6], "signed": [0.6, 0.9, 0.7, 0.6]}
    chosen["from_source"] = [0.6, 0.5, 0.7, 0.6]
    for rule, ratios in chosen.items():
        added = adaptive(rule)(small, episode, 0)
        # Target 0 is made from images 2 and 3, target 1 from 0 and 1.
        expected = [
            swept[row, target, RATIOS.index(ratio)]
            for row, target, ratio in zip([2, 3, 0, 1], [0, 0, 1, 1], ratios, strict=True)
        ]
        assert added.features == pytest.approx(np.stack(expected)), rule
        assert added.soft.argmax(1).tolist() == [0, 0, 1, 1]
        assert added.facts["noise_ratio"] == pytest.approx(np.mean(ratios))
        assert added.facts["network_rows"] == sum(rows_of(ratio, STEPS) for ratio in GRID)


def test_a_ratio_that_was_not_swept_is_named(pool: Pool, episode: Episode) -> None:
    with pytest.raises(ValueError, match=r"r = 0\.85 was not swept"):
        fixed(0.85)(pool, episode, 0)


def test_a_head_that_does_not_converge_fails_its_episode(
    pool: Pool, episode: Episode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HEADS, "hasty", lambda: LogisticRegression(max_iter=1, tol=1e-12))
    scored = run_arm("txt2img", pool, [episode], "hasty", 0)
    assert scored["accuracies"] == [None]
    assert scored["failed"][0]["episode"] == 0
    assert "converge" in scored["failed"][0]["reason"]


def test_the_whole_run_and_its_continuation(work: Path, pool: Pool, tmp_path: Path) -> None:
    config = FewShotConfig(
        work=work, episodes=6, k_shot=(1,), per_class=1, num_inference_steps=STEPS,
        arms=("genie-ada", "genie", "weak"), json=tmp_path / "f.json", plot=tmp_path / "f.png",
    )  # fmt: skip
    report = main(config)
    assert [entry["arm"] for entry in report["arms"]] == ["weak", "txt2img", "genie", "genie-ada"]
    by_name = {entry["arm"]: entry for entry in report["arms"]}
    kept = json.loads((work / "accuracies/logistic/1-shot/genie.json").read_text())
    base = json.loads((work / "accuracies/logistic/1-shot/txt2img.json").read_text())
    mine, theirs = np.array(kept["accuracies"]), np.array(base["accuracies"])
    assert by_name["genie"]["accuracy"] == pytest.approx(100 * mine.mean(), abs=0.006)
    gap = 100 * (mine - theirs).mean()
    assert by_name["genie"]["difference"] == pytest.approx(gap, abs=0.006)
    low, high = by_name["genie"]["difference_interval"]
    assert low <= by_name["genie"]["difference"] <= high
    assert by_name["txt2img"]["difference"] == 0
    assert by_name["genie"]["episodes"] == 6
    assert "oracle_accuracy" in by_name["genie-ada"]
    assert "noise_ratio" not in by_name["weak"]
    assert (tmp_path / "f.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert json.loads((tmp_path / "f.json").read_text())["arms"] == report["arms"]

    before = (work / "accuracies/logistic/1-shot/genie.json").stat().st_mtime_ns
    assert main(config)["arms"] == report["arms"]
    assert (work / "accuracies/logistic/1-shot/genie.json").stat().st_mtime_ns == before


def test_arms_with_tokens_run_on_the_first_episodes(work: Path, pool: Pool) -> None:
    config = FewShotConfig(
        work=work, episodes=6, k_shot=(1,), per_class=1, num_inference_steps=STEPS,
        arms=("dafusion",), inversion_episodes=2, inversion_iterations=1,
    )  # fmt: skip
    entries = {entry["arm"]: entry for entry in main(config)["arms"]}
    assert (entries["dafusion"]["episodes"], entries["txt2img"]["episodes"]) == (2, 6)
    assert entries["dafusion"]["iterations"] == 1
    folder = work / "accuracies/logistic/1-shot"
    mine, base = (
        np.array(json.loads((folder / f"{name}.json").read_text())["accuracies"])
        for name in ("dafusion", "txt2img")
    )
    gap = 100 * (mine - base[:2]).mean()
    assert entries["dafusion"]["difference"] == pytest.approx(gap, abs=0.006)


def test_failed_episodes_are_listed_and_not_dropped(tmp_path: Path) -> None:
    scores = np.array([0.5, np.nan, 0.7])
    failed = [{"episode": 1, "reason": "no convergence"}]
    entry = summarize_arm("genie", 1, scores, np.array([0.4, 0.4, 0.4]), {}, failed)
    assert (entry["episodes"], entry["failed"]) == (3, failed)
    assert (entry["accuracy"], entry["difference"]) == (60.0, 20.0)
    nothing = summarize_arm("weak", 1, np.array([np.nan]), np.array([0.4]), {}, failed)
    assert nothing["accuracy"] is None
    assert nothing["difference_interval"] == [None, None]
    lines = table([entry, nothing], 1).splitlines()
    assert lines[2].startswith("| genie (1 failed) | 60.0 ± 13.9 | +20.0 (+10.0 … +30.0) | – |")
    assert lines[2].endswith("| 77.3 |")
    plot([entry, nothing], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arms": ("genie-adda",)}, "unknown arms \\['genie-adda'\\]"),
        ({"n_way": 7}, r"n_way must lie in \[2, 6\]"),
        ({"k_shot": ()}, "k_shot must be at least 1"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FewShotConfig(work=Path("nowhere"), **settings)
    with pytest.raises(ValueError, match="k_shot 20 needs a pool"):
        FewShotConfig(work=Path("nowhere"), k_shot=(1, 20)).pool()
