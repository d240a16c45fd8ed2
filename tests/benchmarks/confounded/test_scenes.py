"""Backgrounds that tell the class: how often, never on the swapped test, the same by the seed."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.confounded.backgrounds import ground_color
from benchmarks.confounded.config import ConfoundedConfig
from benchmarks.confounded.scenes import (
    NAMES,
    NUM_BACKGROUNDS,
    TESTS,
    any_scenes,
    background_of,
    draw_backgrounds,
    moved_to,
    open_scenes,
    own_backgrounds,
    tied_prompts,
)
from index.demo import COLORS, Scenes

_SMALL = ConfoundedConfig(largest=8, imbalance=4, num_test=2, per_class=3)


def test_each_class_has_a_background_of_its_own_decided_by_the_seed() -> None:
    own = own_backgrounds(0)
    assert len(set(own.tolist())) == len(NAMES) == 14
    assert own.tolist() == own_backgrounds(0).tolist() != own_backgrounds(1).tolist()


def test_backgrounds_are_as_often_the_own_one_as_wanted() -> None:
    labels, own = torch.arange(14).repeat(1000), own_backgrounds(3)
    rng = torch.Generator().manual_seed(0)
    biased, uniform, swapped = (draw_backgrounds(k, labels, own, 0.9, rng) for k in TESTS)
    assert abs((biased == own[labels]).double().mean() - 0.9) < 0.01
    assert len(set(biased[biased != own[labels]].tolist())) == NUM_BACKGROUNDS
    assert abs((uniform == own[labels]).double().mean() - 1 / NUM_BACKGROUNDS) < 0.01
    assert not (swapped == own[labels]).any()
    assert set(swapped.tolist()) == set(own.tolist())
    # Each class is on every other class's background.
    assert len(set(swapped[labels == 5].tolist())) == 13
    always = draw_backgrounds("biased", labels, own, 1.0, rng)
    assert torch.equal(always, own[labels])


def test_scenes_are_moved_with_their_objects_still_to_be_seen() -> None:
    params = Scenes(20, NAMES, seed=5).params
    wanted = torch.arange(len(params)) % NUM_BACKGROUNDS
    moved = moved_to(params, wanted)
    assert torch.equal(background_of(moved), wanted)
    assert not (moved.color == moved.ground).any()
    assert torch.equal(moved.place, params.place)
    assert torch.equal(moved.shape, params.shape)


def test_a_seed_has_the_same_scenes_every_time_and_its_own_sizes() -> None:
    scenes, again, other = (open_scenes(_SMALL, seed) for seed in (0, 0, 1))
    assert sorted(scenes.tail.counts.tolist()) == [2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8]
    images, repeated = (np.stack(list(one.tail.pool.images)) for one in (scenes, again))
    assert np.array_equal(images, repeated)
    assert scenes.tail.counts.tolist() != other.tail.counts.tolist()
    for kind in TESTS:
        test, same = (np.stack(list(one.tests[kind].images)) for one in (scenes, again))
        assert np.array_equal(test, same)
        assert scenes.tests[kind].targets == [k for k in range(14) for _ in range(2)]
    # Real images of the generator's are no training images, and enough of each class.
    tail = scenes.tail
    assert not set(tail.rows) & set(tail.generator_rows)
    assert np.bincount(tail.pool.labels[tail.generator_rows]).tolist() == [3] * 14


def test_tied_prompts_are_the_captions_of_the_demo() -> None:
    own = own_backgrounds(0)
    scenes = Scenes(1, NAMES, seed=5)
    scenes.params = moved_to(scenes.params, own)
    scenes.params.color[:] = (scenes.params.ground + 1) % len(COLORS)  # never that of the ground
    prompts = tied_prompts(own)
    assert all(scenes.caption(row) in prompts[name] for row, name in enumerate(NAMES))
    assert [len(set(of_class)) for of_class in prompts.values()] == [len(COLORS) - 1] * len(NAMES)


def test_the_colour_of_a_background_is_read_off_its_border() -> None:
    images, truth = any_scenes(10)
    seen = [ground_color(image) for image in images]
    assert np.mean(np.array(seen) == truth) > 0.8
    # Red lies at both ends of the circle of hues; objects inside do not matter.
    red = np.full((64, 64, 3), (200, 20, 25), np.uint8)
    red[:, 32:] = (200, 25, 20)
    red[2:-2, 2:-2] = (0, 200, 0)
    assert list(COLORS)[ground_color(red)] == "red"
