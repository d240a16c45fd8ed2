"""What an SVM says of the images of every arm, of those that the oracle accepts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.episodes import Pool
from benchmarks.episodes.pool import few_shot_set
from benchmarks.figures.arms_probabilities import (
    ArmImages,
    arms_of,
    images_of,
    probabilities_of_arms,
)
from benchmarks.figures.config import FiguresConfig
from benchmarks.figures.material import Made, Material, SweptBank
from benchmarks.figures.probabilities import augmentations, class_probabilities, episodes_of

from .banks import material


def _of_pairs(given: Material, place: int) -> ArmImages:
    bank = given.bank
    accepted = np.ones(len(bank), dtype=bool)
    return ArmImages(bank.embeddings[:, place], bank.targets, bank.sources, accepted, True)


def _real(given: Material) -> ArmImages:
    """The class's own centroids, two of each, of which the oracle accepts the first alone."""
    labels, accepted = np.arange(3).repeat(2), np.array([True, False] * 3)
    nobody = np.full(6, -1)
    return ArmImages(given.bank.centroids[labels], labels, nobody, accepted, False)


def test_an_arm_of_pairs_is_what_the_other_figure_shows() -> None:
    given = material()
    source, target = class_probabilities(given)
    found = probabilities_of_arms(given, {"genie-0.6": _of_pairs(given, 1)})["genie-0.6"]
    np.testing.assert_allclose(found[:, 0], source[:, 1])
    np.testing.assert_allclose(found[:, 1], target[:, 1])
    assert found[:, 3].tolist() == [4, 4, 4]


def test_only_images_that_the_oracle_accepts_count() -> None:
    given = material()
    still_source, none = _of_pairs(given, 0), np.zeros(len(given.bank), dtype=bool)
    arms = {"all": still_source, "none": replace(still_source, accepted=none)}
    found = probabilities_of_arms(given, arms)
    assert (found["all"][:, 2] == 1).all()  # at r = .5 every image is still its source
    assert np.isnan(found["none"][:, :3]).all()
    assert found["none"][:, 3].tolist() == [0, 0, 0]
    # Of two images, one with its source's class ahead and one without, the first is refused.
    embeddings = given.bank.embeddings[:, 2].copy()
    embeddings[::2] = given.bank.embeddings[::2, 0]
    halves = replace(still_source, embeddings=embeddings)
    right = replace(halves, accepted=np.arange(len(given.bank)) % 2 == 1)
    found = probabilities_of_arms(given, {"half": halves, "right": right})
    assert (found["right"][found["right"][:, 3] > 0, 2] == 0).all()
    assert found["half"][:, 2].mean() == pytest.approx(0.5, abs=0.3)


def test_arms_without_a_source_speak_of_the_same_pairs_of_classes() -> None:
    given = material()
    bank, real = given.bank, _real(given)
    own = ArmImages(
        bank.source_embeddings, bank.source_labels, np.arange(12), np.ones(12, dtype=bool), False
    )
    for episode in episodes_of(given):
        pairs = augmentations(bank, episode)
        rows, others = images_of(real, bank, episode, pairs)
        # Two support images of either class lead to the other one's only accepted image.
        first, second = episode.classes
        assert sorted(zip(rows.tolist(), others.tolist(), strict=True)) == sorted([
            (2 * first, second), (2 * first, second), (2 * second, first), (2 * second, first),
        ])  # fmt: skip
        rows, others = images_of(own, bank, episode, pairs)
        assert set(rows.tolist()) == set(episode.support_rows.tolist())
        assert (others != bank.source_labels[rows]).all()
    found = probabilities_of_arms(given, {"real": real})["real"]
    assert (found[:, 1] > found[:, 0]).all()
    np.testing.assert_allclose(found[:, 0] + found[:, 1], 1)  # two classes


def test_every_arm_of_the_demo_is_there(work: Path, tiny_pool: Pool) -> None:
    config = FiguresConfig(work=work, per_class=4, num_inference_steps=4, quick=True)
    made = Made(config, SweptBank.read(work / "sweep"), few_shot_set(tiny_pool.config), work)
    arms = arms_of(made)
    assert list(arms) == [
        *("real", "img2img-low", "img2img-high", "txt2img"),
        *(f"genie-0.{r}" for r in (5, 6, 7, 8, 9)), "genie-ada",
    ]  # fmt: skip
    assert arms["real"].accepted.mean() > 0.9
    assert arms["real"].labels.tolist() == np.arange(6).repeat(40).tolist()
    for name, place in (("txt2img", 7), ("genie-0.5", 2)):
        hits = tiny_pool.swept.hits[made.bank.sources, made.bank.targets, place]
        np.testing.assert_array_equal(arms[name].accepted, hits)
    again = arms["img2img-low"]
    assert again.sources.tolist() == again.labels.tolist() == list(range(6))
    cosines = again.embeddings @ made.bank.source_embeddings.T
    assert cosines.argmax(1).tolist() == list(range(6))
