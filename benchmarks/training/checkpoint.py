"""What a training is made of, and the file from which it goes on."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from genie_transforms.format import atomic_path

from .batches import Integers
from .config import TrainingConfig
from .optimizers import make_optimizer

CHECKPOINT = "checkpoint.pt"


@dataclass
class Training:
    """Weights, optimiser, schedule, scaling of gradients and the losses so far.

    Attributes:
        network: What is trained; not wrapped for several ranks.
        optimizer: Its optimiser.
        schedule: A linear rise, then a cosine to 0.
        scaler: Scales gradients of float16; does nothing else.
        losses: Loss of each step so far.
    """

    network: nn.Module
    optimizer: Optimizer
    schedule: LambdaLR
    scaler: torch.amp.GradScaler
    losses: list[float] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Steps taken."""
        return len(self.losses)

    @classmethod
    def begin(cls, network: nn.Module, config: TrainingConfig) -> Training:
        """Begin a training of a network that is already where it runs."""
        optimizer = make_optimizer(network, config)
        schedule = LambdaLR(optimizer, lambda step: rate_at(step, config))
        device = next(network.parameters()).device
        scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "float16")
        return cls(network, optimizer, schedule, scaler)

    def add(self, loss: Tensor) -> float:
        """Add the gradient of `loss` to that of the step, and return the loss.

        Raises:
            RuntimeError: The loss is no longer finite.
        """
        if not torch.isfinite(loss):
            raise RuntimeError(f"the loss became {loss.item()} at step {self.step}")
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def take(self, loss: float) -> None:
        """Take a step down the gradient that was added up; `loss` is that of the whole batch."""
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.schedule.step()
        self.losses.append(loss)

    def load(self, folder: Path) -> None:
        """Go on from the folder's checkpoint, if it has one."""
        path = folder / CHECKPOINT
        if not path.exists():
            return
        device = next(self.network.parameters()).device
        state = torch.load(path, map_location=device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        self.losses = state["losses"]

    def save(self, folder: Path) -> None:
        """Write the folder's checkpoint."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "losses": self.losses,
        }
        with atomic_path(folder / CHECKPOINT) as temporary:
            torch.save(state, temporary)


def rate_at(step: int, config: TrainingConfig) -> float:
    """Return the learning rate of a step as a share of the peak."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * done))


def about_labels(labels: Integers, num_classes: int) -> dict[str, Any]:
    """Return what tells one dataset from most others: how many images, and a digest of labels."""
    digest = hashlib.sha256(labels.astype(np.int64).tobytes()).hexdigest()[:16]
    return {"images": len(labels), "classes": num_classes, "labels": digest}
