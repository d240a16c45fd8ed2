"""A seed's own backbone: trained without labels, on the seed's training images alone."""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets import pixels_of
from benchmarks.unisiam.config import UniSiamConfig
from benchmarks.unisiam.run import train, write_encoder
from index.train import has_bfloat16

from .config import LongTailConfig
from .data import LongTail

OWN = "own"
"""What `--backbone` is called where every seed trains its own."""


def own_backbone(config: LongTailConfig, tail: LongTail, folder: Path, seed: int) -> str:
    """Return the backbone of a seed, as `python -m index.build --backbone` takes it.

    A ResNet-10 is trained by UniSiam's loss, with the settings of `docs/fashion-mnist.md`, but in
    float32 where bfloat16 would be slower; it continues from its last checkpoint.

    Args:
        config: The experiment.
        tail: The training set; its labels are not looked at.
        folder: Of the seed; receives `encoder.pth`.
        seed: Seed of weights, batches and views.
    """
    settings = UniSiamConfig(
        data=OWN,
        root=folder,
        arch="resnet10",
        resolution=max(config.size, 32),
        steps=config.backbone_steps,
        uniformity=0.5,
        temperature=0.5,
        min_area=0.5,
        bf16=has_bfloat16("cpu"),
        work=folder / "encoder",
        out=folder / "encoder.pth",
        seed=seed,
    )
    if not settings.out.exists():
        images = tail.training_set
        pixels = pixels_of(images, list(range(len(images))), settings.resolution)
        seen = {images.classes[label] for label in images.targets}
        write_encoder(settings, train(settings, pixels)[0], sorted(seen))
    return f"unisiam:{settings.arch}:{settings.out}"
