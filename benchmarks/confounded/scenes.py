"""Scenes on backgrounds that tell the class, on any, and on those of other classes.

A background is a colour and a texture of `index.demo`; its number is that of the colour times the
number of textures, plus that of the texture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks.datasets import LabelledSet, draw_rows, exponential_sizes
from benchmarks.long_tail import LongTail
from index.demo import CLASSES, COLORS, PIPELINE, TEXTURES, SceneParams, Scenes, render
from index.sources import ClassName

from .config import ConfoundedConfig

Kind = Literal["biased", "uniform", "swapped"]

TESTS: tuple[Kind, ...] = ("biased", "uniform", "swapped")

NUM_BACKGROUNDS = len(COLORS) * len(TEXTURES)

NAMES = sorted(CLASSES)

_TRAIN_SEED, _TEST_SEED = 2**21, 2**22
"""Apart from those of the demo's own training, and of its held-out scenes."""


@dataclass(frozen=True)
class Confounded:
    """What a seed trains and tests on.

    Attributes:
        tail: Training images; of its rows those of the generator come last.
        tests: Test images by the kind of their backgrounds: the same objects in the same order.
        own: The background of each class, ``(C,)`` int64.
    """

    tail: LongTail
    tests: dict[Kind, LabelledSet]
    own: Tensor


def open_scenes(config: ConfoundedConfig, seed: int) -> Confounded:
    """Return the scenes of a seed, which also decides which class has which background."""
    own, rng = own_backgrounds(seed), torch.Generator().manual_seed(seed + 1000)
    scenes = Scenes(config.largest, NAMES, _TRAIN_SEED + seed)
    labels = torch.tensor(scenes.targets)
    chosen = draw_backgrounds("biased", labels, own, config.bias, rng)
    sizes = exponential_sizes(config.largest, config.imbalance, len(NAMES))
    drawn = draw_rows(labels.numpy(), np.arange(len(labels)), sizes, seed)
    images = _images(moved_to(scenes.params, chosen)[torch.from_numpy(drawn)])
    learned, learned_labels = generator_scenes(config.per_class, seed)
    pool = _labelled([*images, *learned], [*labels[drawn].tolist(), *learned_labels])
    rows, others = np.split(np.arange(len(pool)), [len(images)])

    held_out = Scenes(config.num_test, NAMES, _TEST_SEED)
    truth = torch.tensor(held_out.targets)
    tests = {}
    for kind in TESTS:
        grounds = draw_backgrounds(kind, truth, own, config.bias, rng)
        tests[kind] = _labelled(_images(moved_to(held_out.params, grounds)), held_out.targets)
    rule = config.long_tail().group_rule
    return Confounded(LongTail(pool, rows, others, tests["uniform"], rule), tests, own)


def own_backgrounds(seed: int) -> Tensor:
    """Return the background of each class, all different, ``(C,)`` int64."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randperm(NUM_BACKGROUNDS, generator=rng)[: len(NAMES)]


def draw_backgrounds(
    kind: Kind, labels: Tensor, own: Tensor, bias: float, rng: torch.Generator
) -> Tensor:
    """Draw a background for each label.

    Args:
        kind: biased: the class's own with probability `bias`, else any other; uniform: any;
            swapped: another class's own.
        labels: ``(N,)`` int64.
        own: Background of each class, all different, ``(C,)`` int64.
        bias: In [0, 1].
        rng: Source of randomness.

    Returns:
        ``(N,)`` int64 in [0, `NUM_BACKGROUNDS`).
    """
    shape = (len(labels),)
    if kind == "uniform":
        return torch.randint(NUM_BACKGROUNDS, shape, generator=rng)
    if kind == "swapped":
        return own[(labels + torch.randint(1, len(own), shape, generator=rng)) % len(own)]
    away = torch.randint(1, NUM_BACKGROUNDS, shape, generator=rng)
    is_own = torch.rand(shape, generator=rng) < bias
    return (own[labels] + away.masked_fill(is_own, 0)) % NUM_BACKGROUNDS


def moved_to(params: SceneParams, backgrounds: Tensor) -> SceneParams:
    """Return scenes on other backgrounds; objects change colour with them, so as to be seen."""
    ground = backgrounds // len(TEXTURES)
    color = (params.color + ground - params.ground) % len(COLORS)
    return replace(params, color=color, ground=ground, texture=backgrounds % len(TEXTURES))


def background_of(params: SceneParams) -> Tensor:
    """Return the background of each scene, ``(N,)`` int64."""
    return params.ground * len(TEXTURES) + params.texture


def generator_scenes(per_class: int, seed: int) -> tuple[list[np.ndarray], list[int]]:
    """Return images that the demo's generator learned from, on any background, with labels.

    Args:
        per_class: Images of each class, drawn by the seed.
        seed: Seed.
    """
    learned = json.loads((PIPELINE.parent / "train.json").read_text())["config"]
    scenes = Scenes(learned["scenes"] // len(CLASSES), CLASSES, learned["seed"])
    rng = np.random.default_rng(seed)
    shape = scenes.params.shape.numpy()
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(shape == k))[:per_class] for k in range(len(CLASSES))]
    )
    labels = [NAMES.index(CLASSES[k]) for k in shape[rows]]
    return _images(scenes.params[torch.from_numpy(rows)]), labels


def any_scenes(per_class: int) -> tuple[list[np.ndarray], list[int]]:
    """Return unbiased scenes, and the colour of each background, an index into `COLORS`."""
    scenes = Scenes(per_class, NAMES, _TEST_SEED + 1)
    return _images(scenes.params), scenes.params.ground.tolist()


def tied_prompts(own: Tensor) -> dict[str, list[str]]:
    """Return the captions of each class on its own background, an object of each other colour.

    They are the demo's captions word for word: "A photo of a star on blue stripes" is nothing that
    its model has learned, and its background is any.
    """
    prompts = {}
    for name, number in zip(NAMES, own.tolist(), strict=True):
        ground, texture = list(COLORS)[number // len(TEXTURES)], TEXTURES[number % len(TEXTURES)]
        objects = [color for color in COLORS if color != ground]
        prompts[name] = [f"a {color} {name} on {ground} {texture}" for color in objects]
    return prompts


def _images(params: SceneParams) -> list[np.ndarray]:
    """Render scenes as arrays ``(64, 64, 3)`` uint8."""
    blocks = [params[slice(k, k + 1000)] for k in range(0, len(params), 1000)]
    pixels = torch.cat([(render(block)[0] * 255).round().to(torch.uint8) for block in blocks])
    return list(pixels.permute(0, 2, 3, 1).numpy())


def _labelled(images: list[np.ndarray], targets: list[int]) -> LabelledSet:
    return LabelledSet(NAMES, targets, images, [ClassName(name) for name in NAMES])
