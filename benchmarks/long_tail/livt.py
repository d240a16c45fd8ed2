"""LiVT's fine-tuning (Xu et al., 2023) with banks: `python -m benchmarks.long_tail.livt`.

The recipe of `benchmarks.long_tail` with the paper's Section A.10 as its defaults: a ViT-B/16 that
MAE trained on ImageNet-LT, fine-tuned with balanced binary cross-entropy, alone, re-sampled, and
with each kind of generated images appended (Table 4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from benchmarks.training import TrainingConfig
from genie_transforms import UserError
from index.command import run_command

from .config import LongTailConfig

TABLE_4 = ("none", "resampled", "img2img-low", "img2img", "txt2img", "genie", "genie-ada")
"""The paper's rows, and re-sampling, without which they say nothing of the images."""


def livt_training() -> TrainingConfig:
    """Return how LiVT fine-tunes at 224 pixels, after the arguments that it publishes.

    The batch is the paper's: LiVT's file has 64 images, 4 processes and 8 accumulated steps, which
    are 2,048, and 0.008 is 0.001 for each 256 of those. The last learning rate is 0, not 1e-6, and
    MixUp pairs an image with its neighbour in the batch, where timm pairs it with its mirror.
    """
    return TrainingConfig(
        model="timm:vit_base_patch16_224",
        model_settings=("global_pool=avg", "drop_path_rate=0.1"),
        head="small",
        loss="balanced-bce",
        mix="mixup-or-cutmix",
        mixup_alpha=0.8,
        cutmix_alpha=1.0,
        label_smoothing=0.1,
        optimizer="adamw",
        learning_rate=0.008,
        layer_decay=0.75,
        weight_decay=0.05,
        epochs=100,
        warmup_epochs=5,
        batch_size=1024,
        passes=8,
        precision="bfloat16",
        workers=8,
    )


@dataclass(frozen=True, kw_only=True)
class LivtConfig(LongTailConfig):
    """Fine-tune MAE's ViT-B/16 as LiVT does, with banks. Give --training.weights and the images."""

    data: str = "lists"
    largest: int = 0
    size: int = 224
    augment: Literal["crop", "jitter", "randaugment"] = "randaugment"
    statistics: Literal["half", "imagenet", "imagenet-lt", "clip"] = "imagenet-lt"
    arms: tuple[str, ...] = field(default=TABLE_4, metadata={"recipe": False})
    seeds: tuple[int, ...] = field(default=(0,), metadata={"recipe": False})
    training: TrainingConfig = field(default_factory=livt_training)

    def __post_init__(self) -> None:
        if not self.training.weights:
            raise UserError("give --training.weights, MAE's ViT-B/16: LiVT fine-tunes it")
        super().__post_init__()


def _run(config: LivtConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, LivtConfig, "benchmarks.long_tail.livt")
