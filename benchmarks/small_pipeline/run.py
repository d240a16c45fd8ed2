"""Train a small Stable Diffusion pipeline of your own: `python -m benchmarks.small_pipeline`.

Autoencoder, text encoder, denoiser and an oracle are trained, in this order, on any folder of
images or dataset that `benchmarks.datasets` opens, at a size that two cores can afford. Each stage
resumes from its last checkpoint. The pipeline is an ordinary one: `--model OUT/pipeline` builds
banks with it.
"""

from __future__ import annotations

import torch

from benchmarks.datasets import open_dataset, pixels_of, rows_of_half
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
    rows = rows_of_half(train, config.half)
    pixels = pixels_of(train, rows.tolist(), config.resolution)
    labels = torch.from_numpy(train.labels[rows])
    names = [name.display.lower() for name in train.names]
    pipeline = train_pipeline(config, TrainingSet(pixels, labels, names), config.shift)
    oracle = train_oracle(config, pixels, labels)

    rng = torch.Generator().manual_seed(config.seed)
    tested = torch.randperm(len(test), generator=rng)[: config.held_out].tolist()
    held_out = pixels_of(test, tested, config.resolution)
    measured = figures(pipeline, oracle, held_out, torch.tensor(test.targets)[tested])
    write_trained(config, pipeline, oracle, measured)
