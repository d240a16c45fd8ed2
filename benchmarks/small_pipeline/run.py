"""Train a small Stable Diffusion pipeline of your own: `python -m benchmarks.small_pipeline`.

Autoencoder, text encoder, denoiser and an oracle are trained, in this order, on any folder of
images or dataset that `benchmarks.datasets` opens, at a size that two cores can afford. Each stage
resumes from its last checkpoint. The pipeline is an ordinary one: `--model OUT/pipeline` builds
banks with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets import (
    LabelledSet,
    images_digest,
    long_tailed_rows,
    open_dataset,
    pixels_of,
    repeated,
    rows_of_half,
    same_images,
    write_learned,
)
from genie_transforms import UserError
from index.device import choose_device
from index.train import (
    TrainingSet,
    figures,
    train_oracle,
    train_pipeline,
    write_trained,
)

from .config import SmallPipelineConfig


def main(config: SmallPipelineConfig) -> None:
    """Train what is missing and write the folder.

    Raises:
        UserError: The device is not there, or a setting cannot be used with these images.
    """
    config = replace(config, device=choose_device(config.device))
    train, test = (open_dataset(config.data, config.root, part) for part in ("train", "test"))
    torch.manual_seed(config.seed)
    for folder in (config.work, config.out):
        folder.mkdir(parents=True, exist_ok=True)
    rows, tested = split_rows(config, train, test)
    learned = learned_rows(config, train, rows)
    shown = shown_rows(config, train, learned)
    pixels = pixels_of(train, shown.tolist(), config.resolution)
    labels = torch.from_numpy(train.labels[shown])
    names = [name.display.lower() for name in train.names]
    # A class without images is in no prompt of the training, but later ones may name it.
    unseen = [name for label, name in enumerate(names) if label not in train.labels[learned]]
    data = TrainingSet(pixels, labels, names, words=unseen)
    pipeline = train_pipeline(config, data, config.shift)
    oracle = train_oracle(config, pixels, labels)

    held_out = pixels_of(test, tested, config.resolution)
    measured = figures(pipeline, oracle, held_out, torch.tensor(test.targets)[tested])
    write_learned(config.out, train, learned)
    write_trained(config, pipeline, oracle, measured, about_images(config, train, learned))


def split_rows(
    config: SmallPipelineConfig, train: LabelledSet, test: LabelledSet
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Return the rows of `train` to learn from, and those of `test` to measure on.

    A folder without splits is both: a tenth of it is then measured on, and not learned from.
    Classes that are left out are not measured on: the oracle has never seen them.

    Raises:
        UserError: Of such a folder, a half is asked for: whoever draws the other half from it
            would not know what was held out.
    """
    rng = torch.Generator().manual_seed(config.seed)
    order = torch.randperm(len(test), generator=rng)
    order = order[np.isin(test.labels[order.numpy()], learned_classes(config, train))]
    if not same_images(train, test):
        return rows_of_half(train, config.half), order[: config.held_out].tolist()
    if config.half != "whole":
        raise UserError(f"--half {config.half} needs a test split: {config.root} has none")
    tested = order[: min(config.held_out, max(1, len(test) // 10))]
    return np.setdiff1d(np.arange(len(train)), tested.numpy()), tested.tolist()


def learned_classes(config: SmallPipelineConfig, train: LabelledSet) -> list[int]:
    """Return the labels of the classes that are not left out.

    Raises:
        UserError: A class that should be is none, or fewer than two remain.
    """
    unknown = sorted(set(config.leave_out) - set(train.classes))
    if unknown:
        raise UserError(
            f"--leave-out {unknown} are none of the classes: {', '.join(train.classes[:10])} …"
        )
    kept = [k for k, name in enumerate(train.classes) if name not in config.leave_out]
    if len(kept) < 2:
        raise UserError(
            f"--leave-out leaves {len(kept)} of {len(train.classes)} classes: 2 or more are needed"
        )
    return kept


def learned_rows(
    config: SmallPipelineConfig, train: LabelledSet, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return which of some rows are learned from: the long tail if wanted, less what is left out.

    Raises:
        UserError: A class has fewer images than it should get, or `leave_out` cannot be used.
    """
    kept = learned_classes(config, train)
    if config.largest is not None and config.imbalance is not None:
        rows = long_tailed_rows(train, rows, config.largest, config.imbalance, config.seed)
    return rows[np.isin(train.labels[rows], kept)]


def shown_rows(
    config: SmallPipelineConfig, train: LabelledSet, learned: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the rows as batches are drawn from them: of a long tail, as many of each class."""
    if config.largest is None:
        return learned
    labels = train.labels[learned]
    classes, sizes = np.unique(labels, return_counts=True)
    return learned[repeated(labels, classes, int(sizes.max()), config.seed)]


def about_images(
    config: SmallPipelineConfig, train: LabelledSet, learned: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Return what `train.json` says of the images: how many of each class, and of a tail, which."""
    counts = np.bincount(train.labels[learned], minlength=len(train.classes)).tolist()
    about: dict[str, Any] = {"images": dict(zip(train.classes, counts, strict=True))}
    if config.largest is not None:
        about["training_set"] = images_digest(train, learned)
    return about
