"""The settings of a training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from genie_transforms import UserError

_POSITIVE = ("learning_rate", "mix_alpha", "tau", "batch_size", "num_steps", "checkpoint_every")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Train a classifier. The last step counts, never the best one.

    Attributes:
        model: resnet10, resnet20 or resnet32 for small images; torchvision:NAME or timm:NAME.
        weights: Checkpoint that the network begins with; its head may be of other classes.
        loss: cross-entropy; balanced-softmax (Ren et al., 2020); logit-adjustment by `tau` (Menon
            et al., 2021; with 1 it is balanced-softmax); balanced-bce, LiVT's (Xu et al., 2023).
        tau: Strength of logit-adjustment.
        sampler: shuffled, every image once an epoch; or class-balanced, every class as often.
        mix: Mixing of whole batches, after everything else: none, mixup or cutmix.
        mix_alpha: Both parameters of the Beta distribution that mixing draws from.
        optimizer: sgd has Nesterov momentum of 0.9.
        learning_rate: The peak, after a linear rise; then a cosine to 0.
        weight_decay: Of every parameter.
        num_steps: Optimiser steps.
        warmup_steps: Steps of the rise.
        batch_size: Images of a step, of all ranks together.
        precision: float32, or autocast; float16 scales its gradients and needs a GPU.
        device: cpu, cuda, …; auto takes a GPU if there is one.
        workers: Processes that load images, for each rank; they do not change the result.
        checkpoint_every: Steps between checkpoints.
        tensorboard: Write loss and learning rate below the folder of the training.
        seed: Seed of weights, batches and augmentation.
    """

    model: str = "resnet10"
    weights: str = ""
    loss: Literal["cross-entropy", "balanced-softmax", "logit-adjustment", "balanced-bce"] = (
        "cross-entropy"
    )
    tau: float = 1.0
    sampler: Literal["shuffled", "class-balanced"] = "shuffled"
    mix: Literal["none", "mixup", "cutmix"] = "none"
    mix_alpha: float = 1.0
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.1
    weight_decay: float = 5e-4
    num_steps: int = 500
    warmup_steps: int = 50
    batch_size: int = 128
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = field(default="auto", metadata={"recipe": False})
    workers: int = field(default=0, metadata={"recipe": False})
    checkpoint_every: int = field(default=100, metadata={"recipe": False})
    tensorboard: bool = field(default=False, metadata={"recipe": False})
    seed: int = 0

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise UserError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("weight_decay", "workers", "seed"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.warmup_steps < self.num_steps:
            raise UserError(
                f"warmup_steps must lie in [0, num_steps), got {self.warmup_steps} of "
                f"{self.num_steps}"
            )

    def recipe(self) -> dict[str, Any]:
        """Return everything that decides the weights, ready for JSON."""
        hidden = {
            name
            for name, one in self.__dataclass_fields__.items()
            if not one.metadata.get("recipe", True)
        }
        return {name: value for name, value in asdict(self).items() if name not in hidden}
