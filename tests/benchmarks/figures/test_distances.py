"""Distances to test images by hand, and the map."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.episodes import Episode
from benchmarks.figures.distances import distances, episode_distances, flat_map

from .banks import material


def test_distances_by_hand() -> None:
    bank = material().bank
    points = np.zeros((12, 3))
    points[[1, 5]] = [[3, 4, 0], [0, 0, 1]]  # the queries; all others lie at the origin
    swept = np.zeros((24, 3, 3)) + np.array([0.0, 0, 1])
    bank = replace(bank, source_embeddings=points, embeddings=swept)
    episode = Episode((0, 1), ((0,), (4,)), ((1,), (5,)))
    found = episode_distances(bank, episode)
    to_augmented = np.sqrt(26.0)
    # Two training images at the origin, 5 and 1 away; two augmentations at (0, 0, 1).
    np.testing.assert_allclose(found, [[3, to_augmented / 2], [3, to_augmented / 2]])


def test_panels_and_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # no UMAP, which is slow
    drawn = distances(material())
    assert [len(axes.lines) for axes in drawn.figure.axes] == [2, 2, 0]
    assert len(drawn.figure.axes[2].collections) == 3  # train, test, augmented
    assert drawn.numbers["map"] == "t-SNE"
    assert drawn.numbers["episodes"] == 3
    points = np.random.default_rng(0).normal(size=(10, 4))
    np.testing.assert_array_equal(flat_map(points, 1)[1], flat_map(points, 1)[1])
