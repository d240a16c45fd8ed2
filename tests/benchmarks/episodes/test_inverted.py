"""Arms with textual inversion: what each episode's tokens and images are made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import benchmarks.episodes.inverted as inverted_module
from benchmarks.episodes.config import InversionRun, PoolConfig
from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.images import EvaluatedImages
from benchmarks.episodes.inverted import add_inverted_images, concepts_of
from benchmarks.episodes.pairs import inverted_pairs
from benchmarks.episodes.pool import Pool, few_shot_set
from benchmarks.episodes.ratios import INVERTED
from benchmarks.few_shot.arms import ARMS, support_features
from benchmarks.few_shot.config import FewShotConfig
from index.demo.scenes import NOVEL_CLASSES
from index.diffusion.inversion import training as learning
from index.diffusion.inversion.config import Inversion
from index.embed.backbone import load_backbone
from index.sources import ClassName

NOTHING = EvaluatedImages(torch.zeros(0), np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """Two scenes of each novel class, and nothing generated."""
    config = PoolConfig(tmp_path_factory.mktemp("pool"), per_class=2, num_inference_steps=4)
    data, backbone = few_shot_set(config), load_backbone("demo")
    images = data.support
    return Pool(
        config=config,
        class_names=tuple(sorted(NOVEL_CLASSES)),
        labels=data.labels[: data.num_support],
        images=images,
        embeddings=backbone(images),
        swept=NOTHING,
        same_class={},
        backbone=backbone,
        network_rows={},
        seconds={},
        digest="pool",
    )


def episode(*support: tuple[int, int]) -> Episode:
    """Two classes, one image each; the rows of the pool are two a class."""
    classes = tuple(label for label, _ in support)
    rows = tuple((2 * label + which,) for label, which in support)
    return Episode(classes, rows, tuple((100 + label,) for label in classes))


FIRST, SECOND = episode((4, 0), (1, 1)), episode((1, 1), (3, 0))


def test_a_token_is_learned_from_its_own_support_alone_and_once(pool: Pool) -> None:
    concepts = concepts_of(pool, [FIRST, SECOND])
    names = [concept.name for concept in concepts]
    a, b, c = pool.class_names[4], pool.class_names[1], pool.class_names[3]
    assert names == [f"{a}-8", f"{b}-3", f"{c}-6"]
    assert torch.equal(concepts[1].images, pool.images[[3]])
    assert [concept.initializer for concept in concepts] == [a, b, c]
    spoken = tuple(ClassName(f"one {name}") for name in pool.class_names)
    with pytest.MonkeyPatch.context() as patch:
        data = replace(few_shot_set(pool.config), spoken=spoken)
        patch.setattr(inverted_module, "few_shot_set", lambda _: data)
        begun = concepts_of(pool, [FIRST])
    assert [concept.initializer for concept in begun] == [f"one {a}", f"one {b}"]
    swapped = Episode((0, 1), ((1, 0), (2, 3)), ((100,), (101,)))
    sorted_ = Episode((0, 1), ((0, 1), (3, 2)), ((100,), (101,)))
    assert len(concepts_of(pool, [swapped, sorted_])) == 2


def test_inversion_fills_the_arms_and_continues(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inversion = Inversion(iterations=2, learning_rate=0.02, batch_size=8)
    inversion_run = InversionRun(tmp_path, inversion)
    ready = add_inverted_images(pool, [FIRST, SECOND], inversion_run)
    assert ready.inverted.keys() == {FIRST, SECOND}
    for name, ratio in INVERTED.items():
        images = ready.inverted[FIRST][name]
        assert images.images.shape == (2, 3, 64, 64)
        features, facts = support_features(name, ready, FIRST, 0)
        assert facts["noise_ratio"] == pytest.approx(ratio)
        assert facts["oracle_accuracy"] == images.hits.mean()
        added = features.features[2:]
        assert np.array_equal(added, pool.backbone(images.images))
        targets = inverted_pairs(name, FIRST).targets
        assert np.array_equal(features.labels[2:], targets)
    assert ready.digest != pool.digest

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a network ran")

    monkeypatch.setattr(learning, "denoising_loss", fail)
    monkeypatch.setattr("benchmarks.episodes.inverted.sweep", fail)
    again = add_inverted_images(pool, [FIRST, SECOND], inversion_run)
    assert again.digest == ready.digest
    for name in INVERTED:
        before, after = ready.inverted[SECOND][name], again.inverted[SECOND][name]
        assert torch.equal(before.images, after.images)
        assert np.array_equal(before.psnr, after.psnr)
    more = replace(inversion_run, inversion=replace(inversion, iterations=3))
    with pytest.raises(AssertionError, match="a network ran"):
        add_inverted_images(pool, [FIRST], more)
    with pytest.raises(AssertionError, match="a network ran"):
        add_inverted_images(pool, [episode((0, 0), (1, 1))], inversion_run)


def test_an_episode_without_tokens_is_refused(pool: Pool) -> None:
    with pytest.raises(
        ValueError, match=r"nothing was generated with tokens of the episode \(\(8,\)"
    ):
        ARMS["dafusion"](pool, FIRST, 0)


def test_the_arms_can_be_left_out() -> None:
    config = FewShotConfig(work=Path("nowhere"), inversion_episodes=0)
    assert not set(config.wanted) & set(INVERTED)
    assert set(INVERTED) < set(FewShotConfig(work=Path("nowhere")).wanted)
    with pytest.raises(ValueError, match="need inversion_episodes, got 0"):
        FewShotConfig(work=Path("nowhere"), inversion_episodes=0, arms=("dafusion",))
    with pytest.raises(ValueError, match="inversion_episodes -1 must not be negative"):
        FewShotConfig(work=Path("nowhere"), inversion_episodes=-1)
