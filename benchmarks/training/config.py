"""The settings of a training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from genie_transforms import UserError

_POSITIVE = (
    "learning_rate", "mixup_alpha", "cutmix_alpha", "tau", "batch_size", "num_steps", "passes",
    "checkpoint_every",
)  # fmt: skip
_NOT_NEGATIVE = ("weight_decay", "workers", "seed", "epochs", "warmup_epochs")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Train a classifier. The last step counts, never the best one.

    Attributes:
        model: resnet10, resnet20 or resnet32 for small images; torchvision:NAME or timm:NAME; or
            linear, of features in place of images.
        model_settings: Further settings of a timm or torchvision model, such as
            drop_path_rate=0.1 global_pool=avg; in_features=256 of a linear one.
        weights: Checkpoint that the network begins with; its head may be of other classes, or
            missing, as in one of MAE's.
        head: Where the head begins: empty as the model draws it; `small`, nearly 0, as MAE's
            fine-tuning has it; or a file of class embeddings, which makes it a cosine classifier
            (see `benchmarks.training.cosine`).
        loss: cross-entropy; balanced-softmax (Ren et al., 2020); logit-adjustment by `tau` (Menon
            et al., 2021; with 1 it is balanced-softmax); balanced-bce, LiVT's (Xu et al., 2023).
        tau: Strength of logit-adjustment.
        sampler: shuffled, every image once an epoch; or class-balanced, every class as often.
        mix: Mixing of whole batches, after everything else: none, mixup, cutmix, or one of the
            two for each batch, both as often.
        mixup_alpha: Both parameters of the Beta distribution that MixUp draws from.
        cutmix_alpha: The same of CutMix.
        label_smoothing: Share of each label, after mixing, that is spread over all classes.
        optimizer: sgd has Nesterov momentum of 0.9.
        learning_rate: The peak, after a linear rise; then a cosine to 0.
        layer_decay: Factor of the learning rate from each layer of a timm model to the one below
            it; the head has the whole rate. With 1 all layers have.
        weight_decay: Of every parameter; with AdamW not of biases, norms and positions.
        num_steps: Optimiser steps.
        warmup_steps: Steps of the rise.
        epochs: Passes over the training images, instead of `num_steps`; 0 for those.
        warmup_epochs: Those of the rise, with `epochs`.
        batch_size: Images of a step, of all ranks together.
        passes: Parts in which a rank's share of a batch goes through the network, for want of
            memory. They change nothing but the statistics of batch norm, and rounding.
        precision: float32, or autocast; float16 scales its gradients and needs a GPU.
        device: cpu, cuda, …; auto takes a GPU if there is one.
        channels_last: Keep colours last in memory, which makes convolutions faster on tensor cores
            and on processors without AVX-512; changes rounding, as another device does.
        workers: Processes that load images, for each rank; they do not change the result.
        checkpoint_every: Steps between checkpoints.
        tensorboard: Write loss and learning rate below the folder of the training.
        seed: Seed of weights, batches and augmentation.
    """

    model: str = "resnet10"
    model_settings: tuple[str, ...] = ()
    weights: str = ""
    head: str = ""
    loss: Literal["cross-entropy", "balanced-softmax", "logit-adjustment", "balanced-bce"] = (
        "cross-entropy"
    )
    tau: float = 1.0
    sampler: Literal["shuffled", "class-balanced"] = "shuffled"
    mix: Literal["none", "mixup", "cutmix", "mixup-or-cutmix"] = "none"
    mixup_alpha: float = 1.0
    cutmix_alpha: float = 1.0
    label_smoothing: float = 0.0
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.1
    layer_decay: float = 1.0
    weight_decay: float = 5e-4
    num_steps: int = 500
    warmup_steps: int = 50
    epochs: float = 0.0
    warmup_epochs: float = 0.0
    batch_size: int = 128
    passes: int = 1
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = field(default="auto", metadata={"recipe": False})
    channels_last: bool = field(default=False, metadata={"recipe": False})
    workers: int = field(default=0, metadata={"recipe": False})
    checkpoint_every: int = field(default=100, metadata={"recipe": False})
    tensorboard: bool = field(default=False, metadata={"recipe": False})
    seed: int = 0

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise UserError(f"{name} must be positive, got {getattr(self, name)}")
        for name in _NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(f"label_smoothing must lie in [0, 1), got {self.label_smoothing}")
        if not 0 < self.layer_decay <= 1:
            raise UserError(f"layer_decay must lie in (0, 1], got {self.layer_decay}")
        if self.batch_size % self.passes:
            raise UserError(
                f"batch_size must be a multiple of passes, got {self.batch_size} and {self.passes}"
            )
        if self.epochs and not self.warmup_epochs < self.epochs:
            raise UserError(
                f"warmup_epochs must be less than epochs, got {self.warmup_epochs} of {self.epochs}"
            )
        if not self.epochs and not 0 <= self.warmup_steps < self.num_steps:
            raise UserError(
                f"warmup_steps must lie in [0, num_steps), got {self.warmup_steps} of "
                f"{self.num_steps}"
            )

    def in_steps(self, images: int) -> TrainingConfig:
        """Return the same training of that many images with `epochs` counted in steps."""
        if not self.epochs:
            return self
        steps = max(1, round(self.epochs * images / self.batch_size))
        warmup = min(steps - 1, round(self.warmup_epochs * images / self.batch_size))
        return replace(self, num_steps=steps, warmup_steps=warmup, epochs=0.0, warmup_epochs=0.0)

    def recipe(self) -> dict[str, Any]:
        """Return everything that decides the weights, ready for JSON."""
        hidden = {
            name
            for name, one in self.__dataclass_fields__.items()
            if not one.metadata.get("recipe", True)
        }
        return {name: value for name, value in asdict(self).items() if name not in hidden}
