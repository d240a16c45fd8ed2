"""CLIP's ResNet-50 fine-tuned with banks: `python -m benchmarks.long_tail.vl_ltr`.

What VL-LTR (Tian et al., 2022) begins with, and not the whole of it: an image tower and a head of
text embeddings, trained together. Its contrastive training with several sentences of each class,
its distillation from CLIP, its attention over sentences and its second, linear head are not here,
so that its row of Table 4 is not what this prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from benchmarks.training import TrainingConfig
from genie_transforms import UserError
from index.command import run_command

from .config import LongTailConfig
from .livt import TABLE_4


def clip_training() -> TrainingConfig:
    """Return how the tower is trained: epochs and rate are those of VL-LTR's first stage.

    The batch is half of its 8 times 256; the balanced softmax stands for its sampling by the
    square root of class sizes.
    """
    return TrainingConfig(
        model="timm:resnet50_clip",
        loss="balanced-softmax",
        optimizer="adamw",
        learning_rate=5e-5,
        weight_decay=0.05,
        epochs=50,
        warmup_epochs=5,
        batch_size=1024,
        passes=4,
        precision="bfloat16",
        workers=8,
    )


@dataclass(frozen=True, kw_only=True)
class ClipConfig(LongTailConfig):
    """Fine-tune CLIP's ResNet-50 from a head of class names, with banks.

    Give --training.weights, the images, and --text-encoder or --training.head.
    """

    data: str = "lists"
    largest: int = 0
    size: int = 224
    augment: Literal["crop", "jitter", "randaugment"] = "jitter"
    statistics: Literal["half", "imagenet", "imagenet-lt", "clip"] = "clip"
    arms: tuple[str, ...] = field(default=TABLE_4, metadata={"recipe": False})
    seeds: tuple[int, ...] = field(default=(0,), metadata={"recipe": False})
    training: TrainingConfig = field(default_factory=clip_training)

    def __post_init__(self) -> None:
        if not self.training.weights or not (self.text_encoder or self.training.head):
            raise UserError(
                "give --training.weights, CLIP's ResNet-50, and --text-encoder or --training.head, "
                "the embeddings of the classes by the text tower that belongs to it"
            )
        super().__post_init__()


def _run(config: ClipConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, ClipConfig, "benchmarks.long_tail.vl_ltr")
