"""The stages of the demo's training, one after the other."""

from __future__ import annotations

from dataclasses import replace

import torch
from tqdm import tqdm

from index.device import choose_device
from index.train import TrainingSet, figures, save, train_oracle, train_pipeline, write_trained

from .config import TrainConfig
from .cutouts import Cutouts
from .scenes import BASE_CLASSES, CLASSES, Scenes
from .train_encoder import centroid_accuracy, train_encoder


def train(config: TrainConfig) -> None:
    """Train what is missing and write the demo's folder; the backbone on the processor."""
    config = replace(config, device=choose_device(config.device))
    torch.manual_seed(config.seed)
    for folder in (config.work, config.out):  # also what is written last: hours come before it
        folder.mkdir(parents=True, exist_ok=True)
    scenes = Scenes(num_per_class=config.scenes // len(CLASSES), seed=config.seed)
    blocks = [slice(k, k + 2000) for k in range(0, len(scenes), 2000)]
    pixels = torch.cat([scenes.pixels(b) for b in tqdm(blocks, desc="scenes", mininterval=5)])
    labels = torch.tensor(scenes.targets)

    captions = [scenes.caption(index) for index in range(len(scenes))]
    data = TrainingSet(pixels, labels, CLASSES, captions, words=("shape",))
    pipeline = train_pipeline(config, data)
    oracle = train_oracle(config, pixels, labels)
    base = Scenes(num_per_class=config.objects // len(BASE_CLASSES), classes=BASE_CLASSES)
    encoder = train_encoder(config, Cutouts.of(base.params))

    held_out = Scenes(num_per_class=100, seed=2**20)
    true_labels = torch.tensor(held_out.targets)
    measured = figures(pipeline, oracle, held_out.pixels(slice(None)), true_labels)
    save(encoder, config.out / "encoder.safetensors")
    measured |= centroid_accuracy(encoder)
    write_trained(config, pipeline, oracle, measured, encoder=encoder)
