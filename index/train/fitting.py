"""One training loop for every small model: seeded by step, resumable, with progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from tqdm import tqdm

from genie_transforms import UserError
from genie_transforms.format import atomic_path

from .config import LEAST_STEPS

LossFunction = Callable[[torch.Generator, float], Tensor]
"""Draw a batch with the given generator, at a share of the steps in [0, 1), and return its loss."""


def has_bfloat16(device: str | torch.device) -> bool:
    """Return whether a device computes bfloat16 faster than float32.

    On a processor without AVX-512 a bfloat16 convolution is emulated: a step takes over ten times
    as long.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        supported: bool = torch.cuda.is_bf16_supported()
        return supported
    capability = torch.backends.cpu.get_cpu_capability()
    return kind == "cpu" and capability.startswith(("AVX512", "AMX"))


def mixed_precision(device: str | torch.device) -> torch.autocast:
    """Return a context that computes in bfloat16 where the device has it, else in float32."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=has_bfloat16(device))


def draw(rng: torch.Generator, size: int, upper: int) -> Tensor:
    """Draw `size` row numbers below `upper`."""
    return torch.randint(upper, (size,), generator=rng)


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How long and how fast a model is trained, and where its checkpoints lie.

    Attributes:
        num_steps: Optimiser steps in all.
        learning_rate: The peak.
        folder: Where checkpoints are kept.
        seed: Seed of the batches.
        ema_decay: Decay of the exponential moving average of the weights, if wanted.
        checkpoint_every: Steps between checkpoints.
        device: Where it is trained.
    """

    num_steps: int
    learning_rate: float
    folder: Path
    seed: int
    ema_decay: float | None = None
    checkpoint_every: int = 200
    device: str = "cpu"


def fit(
    name: str, modules: nn.ModuleDict, loss_function: LossFunction, settings: FitSettings
) -> float:
    """Train `modules` in place with AdamW and a one-cycle learning rate.

    A step draws from a generator seeded with (seed, step) alone, so that a resumed run sees the
    batches that an uninterrupted one would have seen.

    Args:
        name: Names the checkpoint, `folder/<name>.pt`, and the progress bar.
        modules: What is trained; holds the averaged weights afterwards if there is an `ema_decay`,
            and is on the processor again.
        loss_function: Computes the loss of one batch, on the device of the settings.
        settings: Steps, learning rate, seed and checkpoints.

    Returns:
        Seconds that the training took, over all its runs.

    Raises:
        UserError: There are too few steps for the schedule.
        RuntimeError: The loss is no longer finite.
    """
    num_steps = settings.num_steps
    if num_steps < LEAST_STEPS:
        raise UserError(f"{name} needs at least {LEAST_STEPS} steps, got {num_steps}")
    training = _Training(modules.to(settings.device), settings)
    path = settings.folder / f"{name}.pt"
    if path.exists():
        training.load(path)
    modules.train()
    start = time.perf_counter() - training.seconds
    mean = None
    with tqdm(total=num_steps, initial=training.step, desc=name, unit="step", mininterval=5) as bar:
        while training.step < num_steps:
            step = training.step
            rng = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
            loss = loss_function(rng, step / num_steps)
            if not torch.isfinite(loss):
                raise RuntimeError(f"{name}: the loss became {loss.item()} at step {step}")
            training.take(loss)
            mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
            bar.update()
            bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
            if training.step % settings.checkpoint_every == 0 or training.step == num_steps:
                training.seconds = time.perf_counter() - start
                training.save(path)
    training.average_weights()
    modules.eval().to("cpu")
    return training.seconds


class _Training:
    """Weights, optimiser, schedule and average of a training: all that a checkpoint holds.

    Attributes:
        step: Steps taken so far.
        seconds: What they took, at the last checkpoint.
    """

    def __init__(self, modules: nn.ModuleDict, settings: FitSettings) -> None:
        self.step, self.seconds = 0, 0.0
        self._modules = modules
        self._parameters = list(modules.parameters())
        self._device = settings.device
        # Before 2.4 there is no fused step on a processor. torch compares as versions, not as text.
        fused = torch.__version__ >= "2.4"
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=settings.learning_rate, weight_decay=1e-2, fused=fused
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, settings.learning_rate, total_steps=settings.num_steps, pct_start=0.1
        )
        decay = settings.ema_decay
        self._average = (
            EMAModel(self._parameters, decay=decay, use_ema_warmup=True) if decay else None
        )

    def take(self, loss: Tensor) -> None:
        """Take a step down the gradient of `loss`."""
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self._schedule.step()
        if self._average:
            self._average.step(self._parameters)
        self.step += 1

    def average_weights(self) -> None:
        """Replace the weights by their average over the training, if there is one."""
        # After the last checkpoint: that one keeps the weights of the last step, so that a run that
        # is started again averages as before.
        if self._average:
            self._average.copy_to(self._parameters)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint."""
        state = torch.load(path, map_location=self._device, weights_only=True)
        self.step, self.seconds = state["step"], state["seconds"]
        self._modules.load_state_dict(state["modules"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        if self._average:
            self._average.load_state_dict(state["average"])

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        # An old torch lists a method here, which cannot be read again as data; it is there anyway.
        schedule = self._schedule.state_dict()
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "modules": self._modules.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": {key: value for key, value in schedule.items() if not callable(value)},
            "average": self._average.state_dict() if self._average else {},
        }
        with atomic_path(path) as temporary:
            torch.save(state, temporary)
