"""Train a small Stable Diffusion pipeline of your own: `python -m benchmarks.small_pipeline`.

Autoencoder, text encoder, denoiser and an oracle are trained, in this order, on any folder of
images or dataset that `benchmarks.datasets` opens, at a size that two cores can afford. Each stage
resumes from its last checkpoint. The pipeline is an ordinary one: `--model OUT/pipeline` builds
banks with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.datasets import Half, open_dataset, pixels_of, rows_of_half
from genie_transforms import UserError
from index.command import run_command
from index.train import (
    StageConfig,
    TrainingSet,
    figures,
    train_oracle,
    train_pipeline,
    write_trained,
)


@dataclass(frozen=True, kw_only=True)
class SmallPipelineConfig(StageConfig):
    """Train a small pipeline on the training split of a dataset.

    Attributes:
        data: One of `benchmarks.datasets.DATASETS`; `folder` is an ImageFolder.
        root: The folder that holds it.
        resolution: Height and width of images, a multiple of 16; the time goes with its square.
        shift: Rise of the schedule's log-SNR (see `index.train.models.shifted_betas`): the larger,
            the later the class switches.
        held_out: Images of the test split that the models are evaluated on.
        half: Train on the generator's half of each class only, so that a classifier may learn from
            the other (`benchmarks.long_tail`).
    """

    data: str
    root: Path
    resolution: int = 32
    shift: float = 2.0
    held_out: int = 1000
    half: Half = "whole"

    def __post_init__(self) -> None:
        if self.resolution < 32 or self.resolution % 16:
            raise UserError(
                f"resolution must be a multiple of 16, 32 or more, got {self.resolution}"
            )


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


if __name__ == "__main__":
    run_command(main, SmallPipelineConfig, "benchmarks.small_pipeline")
