"""Train a small Stable Diffusion pipeline of your own: `python -m benchmarks.small_pipeline`.

Autoencoder, text encoder, denoiser and an oracle are trained, in this order, on any folder of
images or dataset that `benchmarks.datasets` opens, at a size that two cores can afford. Each stage
resumes from its last checkpoint. The pipeline is an ordinary one: `--model OUT/pipeline` builds
banks with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets import (
    LabelledSet,
    open_dataset,
    pixels_of,
    rows_of_half,
    same_images,
    write_learned,
)
from genie_transforms import UserError
from index.train import (
    TrainingSet,
    figures,
    train_oracle,
    train_pipeline,
    write_trained,
)

from .config import SmallPipelineConfig


def main(config: SmallPipelineConfig) -> None:
    """Train what is missing and write the folder."""
    train, test = (open_dataset(config.data, config.root, part) for part in ("train", "test"))
    torch.manual_seed(config.seed)
    for folder in (config.work, config.out):
        folder.mkdir(parents=True, exist_ok=True)
    rows, tested = split_rows(config, train, test)
    pixels = pixels_of(train, rows.tolist(), config.resolution)
    labels = torch.from_numpy(train.labels[rows])
    names = [name.display.lower() for name in train.names]
    pipeline = train_pipeline(config, TrainingSet(pixels, labels, names), config.shift)
    oracle = train_oracle(config, pixels, labels)

    held_out = pixels_of(test, tested, config.resolution)
    measured = figures(pipeline, oracle, held_out, torch.tensor(test.targets)[tested])
    write_learned(config.out, train, rows)
    write_trained(config, pipeline, oracle, measured)


def split_rows(
    config: SmallPipelineConfig, train: LabelledSet, test: LabelledSet
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Return the rows of `train` to learn from, and those of `test` to measure on.

    A folder without splits is both: a tenth of it is then measured on, and not learned from.

    Raises:
        UserError: Of such a folder, a half is asked for: whoever draws the other half from it
            would not know what was held out.
    """
    rng = torch.Generator().manual_seed(config.seed)
    order = torch.randperm(len(test), generator=rng)
    if not same_images(train, test):
        return rows_of_half(train, config.half), order[: config.held_out].tolist()
    if config.half != "whole":
        raise UserError(f"--half {config.half} needs a test split: {config.root} has none")
    tested = order[: min(config.held_out, max(1, len(test) // 10))]
    return np.setdiff1d(np.arange(len(train)), tested.numpy()), tested.tolist()
