"""Class probabilities of episodes, on classes that lie on the axes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.figures.probabilities import (
    augmentations,
    class_probabilities,
    episodes_of,
    overlap,
    probability_densities,
)

from .banks import material


def test_overlap_is_the_area_under_both() -> None:
    points = np.linspace(0, 1, 101)
    flat, half = np.ones(101), np.where(points <= 0.5, 2.0, 0.0)
    assert overlap(flat, flat, points) == pytest.approx(1)
    assert overlap(flat, half, points) == pytest.approx(0.5, abs=0.01)


def test_an_episode_has_the_pairs_from_its_support_to_its_classes() -> None:
    given = material()
    for episode in episodes_of(given):
        pairs = augmentations(given.bank, episode)
        assert len(pairs) == 2 * 2  # two classes of two images, to the one other class
        assert set(given.bank.sources[pairs]) == set(episode.support_rows)
        assert not set(episode.query_rows) & set(episode.support_rows)
        assert len(episode.query_rows) == 2 * 2


def test_the_svm_goes_from_source_to_target_as_the_images_do() -> None:
    source, target = class_probabilities(material())
    assert source.shape == target.shape == (3, 4)
    np.testing.assert_allclose(source + target, 1)  # two classes
    assert (source[:, 0] > 0.5).all()
    assert (target[:, 2] > 0.5).all()
    # d jumps most from .6 to .7, which is r*.
    np.testing.assert_allclose(target[:, 3], target[:, 2])


def test_a_panel_for_each_r_and_one_for_r_star() -> None:
    drawn = probability_densities(material())
    assert [axes.get_title() for axes in drawn.figure.axes] == [
        *(f"GeNIe, r = {r}" for r in (0.5, 0.6, 0.7)),
        "GeNIe-Ada, r*",
    ]
    assert all(len(axes.lines) == 2 for axes in drawn.figure.axes)
    assert drawn.numbers["0.5"]["source"] > drawn.numbers["0.5"]["target"]
