"""Train a backbone of your own without labels: `python -m benchmarks.unisiam`.

A ResNet is trained with UniSiam's loss on the images of any dataset that `benchmarks.datasets`
opens, or of some of its classes, at a resolution that a processor can afford. The training resumes
from its last checkpoint. `--backbone unisiam:ARCH:OUT` then opens the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.datasets import LabelledSet, class_split, open_dataset, pixels_of
from benchmarks.episodes import Drawing, Episode, Integers
from benchmarks.episodes import draw as draw_episodes
from benchmarks.measure import environment
from genie_transforms import UserError
from genie_transforms.format import atomic_path, write_json
from index.embed import (
    Centroids,
    Embeddings,
    ModuleBackbone,
    Network,
    unisiam_encoder,
    unisiam_preprocess,
)
from index.train import FitSettings, UniSiam, claim_folder, draw, fit

from .config import UniSiamConfig
from .views import random_views

DRAWS = 10
"""How often the centroids' images are drawn; accuracies are means over the draws."""


def rows_of(data: LabelledSet, classes: tuple[str, ...]) -> list[int]:
    """Return the rows of some classes, given by name or label; all rows if no class is given.

    Raises:
        UserError: There is no such class.
    """
    labels = set()
    for name in classes:
        if name in data.classes:
            labels.add(data.classes.index(name))
        elif name.isdecimal() and int(name) < len(data.classes):
            labels.add(int(name))
        else:
            raise UserError(f"unknown class {name!r}; choose among {', '.join(data.classes)}")
    return [row for row, label in enumerate(data.targets) if not classes or label in labels]


def check_memory(count: int, resolution: int) -> None:
    """Refuse to fill more than half of the machine's memory with images.

    Raises:
        UserError: `count` images at `resolution`, one byte a channel, take more than that.
    """
    needed = count * 3 * resolution**2
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory / 2:
        raise UserError(
            f"{count} images at resolution {resolution} take {needed / 2**30:.1f} GiB, this "
            f"machine has {memory / 2**30:.1f}: give a lower resolution or fewer classes"
        )


def train(config: UniSiamConfig, pixels: Tensor) -> tuple[UniSiam, float]:
    """Train on pixels ``(N, 3, R, R)`` uint8; return the model, in eval mode, and the seconds."""
    model = initial_model(config)
    model.to(memory_format=torch.channels_last)
    preprocess = unisiam_preprocess(config.resolution)

    def loss(rng: torch.Generator, _: float) -> Tensor:
        images = pixels[draw(rng, config.batch_size, len(pixels))]
        first, second = (
            preprocess(random_views(images, rng, config.min_area, config.jitter)).contiguous(
                memory_format=torch.channels_last
            )
            for _ in range(2)
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            value: Tensor = model(first, second)
        return value

    seconds = fit(
        "unisiam",
        nn.ModuleDict({"model": model}),
        loss,
        FitSettings(
            num_steps=config.steps,
            learning_rate=config.learning_rate,
            folder=config.work,
            seed=config.seed,
        ),
    )
    return model, seconds


def initial_model(config: UniSiamConfig) -> UniSiam:
    """Draw the weights that the training starts from."""
    torch.manual_seed(config.seed)
    encoder = unisiam_encoder(config.arch)
    with torch.no_grad():
        num_features = encoder.eval()(torch.zeros(1, 3, 32, 32)).shape[1]
    return UniSiam(
        encoder, num_features, uniformity=config.uniformity, temperature=config.temperature
    )


def chosen_classes(config: UniSiamConfig, data: LabelledSet) -> tuple[str, ...]:
    """Return the classes to train on, as `rows_of` takes them; prints those of a drawn split."""
    if config.class_split is None:
        return config.classes
    drawn = class_split(data.classes, config.class_split)
    base, novel = ", ".join(drawn.base), ", ".join(drawn.novel)
    print(f"split {config.class_split} of the classes: base {base}; novel {novel}", flush=True)
    return drawn.base


def recipe(config: UniSiamConfig) -> dict[str, Any]:
    """Return the settings that decide the weights, ready for JSON."""
    free = ("out", "json", "work", "root", "test_split", "shots")
    kept = {name: value for name, value in asdict(config).items() if name not in free}
    plain: dict[str, Any] = json.loads(json.dumps(kept))
    return plain


@dataclass(frozen=True)
class Group:
    """Test images of some classes, and draws of the images whose means are their centroids.

    Attributes:
        rows: Rows of the test split, ``(M,)`` int64.
        episodes: `DRAWS` draws with all classes; their rows are positions in `rows`.
    """

    rows: Integers
    episodes: list[Episode]

    def accuracy(self, embeddings: Embeddings) -> float:
        """Return how often the nearest centroid is the right one; embeddings ``(M, D)`` float32."""
        right = []
        for episode in self.episodes:
            centroids = Centroids(embeddings.shape[1])
            centroids.add(embeddings[episode.support_rows], episode.support_labels)
            nearest = centroids.nearest(embeddings[episode.query_rows], 1)[0][:, 0]
            right.append((nearest == episode.query_labels).mean())
        return round(float(np.mean(right)), 4)


def split_test(test: LabelledSet, trained: set[str], shots: int) -> dict[str, Group]:
    """Split the test images into those of trained classes and those of the others.

    A group of fewer than two classes is left out.

    Raises:
        UserError: A class has no more than `shots` images.
    """
    known = np.isin(test.classes, sorted(trained))[test.labels]
    groups = {}
    for name, rows in (("trained", np.flatnonzero(known)), ("other", np.flatnonzero(~known))):
        labels = test.labels[rows]
        n_way, pool = len(np.unique(labels)), np.arange(len(rows))
        if n_way >= 2:
            _check_sizes(test.classes, np.bincount(labels), shots)
            drawing = Drawing(DRAWS, n_way, shots, n_query=0)
            drawn = draw_episodes(labels, drawing, support_pool=pool, query_pool=pool)
            groups[name] = Group(rows, drawn)
    return groups


def _check_sizes(names: Sequence[str], sizes: npt.NDArray[np.int64], shots: int) -> None:
    for name, size in zip(names, sizes.tolist(), strict=False):  # the last ones may have none
        if 0 < size <= shots:
            raise UserError(
                f"{name} has {size} test images, of which --shots {shots} for its centroid leave "
                "none to test: give a smaller one, or --test-split None"
            )


def embed(encoder: nn.Module, config: UniSiamConfig, images: Tensor) -> Embeddings:
    """Embed images ``(N, 3, R, R)`` uint8 as `load_backbone` will, ``(N, D)`` float32."""
    steps = unisiam_preprocess(config.resolution)
    return ModuleBackbone(f"unisiam:{config.arch}", Network(encoder, steps, repr(steps)))(images)


def open_test(
    config: UniSiamConfig, data: LabelledSet, trained: set[str]
) -> tuple[LabelledSet | None, dict[str, Group]]:
    """Open the split to evaluate on, if there is one, and split it (see `split_test`).

    Raises:
        UserError: It is the training split: the folder holds one split only.
    """
    if config.test_split is None:
        return None, {}
    test = open_dataset(config.data, config.root, config.test_split)
    if isinstance(test.images, list) and test.images == data.images:
        raise UserError(f"{config.root} is not split: give `--test-split None`")
    return test, split_test(test, trained, config.shots)


def write_encoder(config: UniSiamConfig, model: UniSiam, classes: Sequence[str]) -> None:
    """Write the encoder and its heads, as `--backbone unisiam:ARCH:FILE` opens them.

    Args:
        config: The training; the file keeps its recipe, as JSON.
        model: Encoder and heads.
        classes: Names of the classes whose images it has seen, which the file keeps: episodes of
            classes that shall be novel refuse it otherwise.
    """
    content = {
        "model": {key: value.contiguous() for key, value in model.state_dict().items()},
        "resolution": config.resolution,
        "classes": sorted(classes),
        "recipe": json.dumps(recipe(config), sort_keys=True),
        "command": environment()["command"],
    }
    with atomic_path(config.out) as temporary:
        torch.save(content, temporary)


def evaluate(
    config: UniSiamConfig, encoder: nn.Module, test: LabelledSet, groups: dict[str, Group]
) -> dict[str, Any]:
    """Return the accuracies of each group, those of the untrained encoder beside them."""
    untrained = initial_model(config).encoder
    measured = {}
    for name, group in groups.items():
        images = pixels_of(test, group.rows.tolist(), config.resolution)
        measured[name] = {
            "classes": sorted({test.classes[test.targets[row]] for row in group.rows}),
            "images": len(images),
            "accuracy": group.accuracy(embed(encoder, config, images)),
            "untrained_accuracy": group.accuracy(embed(untrained, config, images)),
        }
    return measured


def main(config: UniSiamConfig) -> dict[str, Any]:
    """Train, evaluate, write and print; everything that can be refused is refused first."""
    data = open_dataset(config.data, config.root, config.split)
    rows = rows_of(data, chosen_classes(config, data))
    check_memory(len(rows), config.resolution)
    trained = {data.classes[data.targets[row]] for row in rows}
    test, groups = open_test(config, data, trained)
    pixels = pixels_of(data, rows, config.resolution)
    # By the images too: the file says of which classes they are, and must not say it of others.
    seen = hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:16]
    claim_folder(config.work, {**recipe(config), "images": seen})

    model, seconds = train(config, pixels)
    write_encoder(config, model, sorted(trained))
    measured = evaluate(config, model.encoder, test, groups) if test is not None else {}
    result = {
        "config": {k: v for k, v in asdict(config).items() if not isinstance(v, Path)},
        "training_images": len(rows),
        "trained_classes": sorted(trained),
        "centroid_accuracy": measured,
        "seconds": round(seconds),
        **environment(),
    }
    write_json(config.json or config.out.with_suffix(".json"), result)
    for name, figures in measured.items():
        print(
            f"nearest of {len(figures['classes'])} centroids, {name} classes: "
            f"{figures['accuracy']:.1%} (untrained: {figures['untrained_accuracy']:.1%})"
        )
    return result
