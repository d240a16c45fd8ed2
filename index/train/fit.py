"""One training loop for every model of the demo: seeded by step, resumable, with progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from tqdm import tqdm

from genie_transforms.format import atomic_path

LossFunction = Callable[[torch.Generator, float], Tensor]
"""Draw a batch with the given generator, at a share of the steps in [0, 1), and return its loss."""


def draw(rng: torch.Generator, size: int, upper: int) -> Tensor:
    """Draw `size` row numbers below `upper`."""
    return torch.randint(upper, (size,), generator=rng)


def fit(
    name: str,
    modules: nn.ModuleDict,
    loss_function: LossFunction,
    *,
    num_steps: int,
    learning_rate: float,
    folder: Path,
    seed: int,
    ema_decay: float | None = None,
    checkpoint_every: int = 200,
) -> float:
    """Train `modules` in place with AdamW and a one-cycle learning rate.

    A step draws from a generator seeded with (seed, step) alone, so that a resumed run sees the
    batches that an uninterrupted one would have seen.

    Args:
        name: Names the checkpoint, `folder/<name>.pt`, and the progress bar.
        modules: What is trained; holds the averaged weights afterwards if `ema_decay` is given.
        loss_function: Makes the loss of one batch.
        num_steps: Optimiser steps in all.
        learning_rate: The peak.
        folder: Where checkpoints are kept.
        seed: Seed of the batches.
        ema_decay: Decay of the exponential moving average of the weights, if wanted.
        checkpoint_every: Steps between checkpoints.

    Returns:
        Seconds that the training took, over all its runs.

    Raises:
        ValueError: There are too few steps for the schedule.
        RuntimeError: The loss is no longer finite.
    """
    if num_steps < 11:  # its first tenth, the rise, would be no step
        raise ValueError(f"{name} needs at least 11 steps, got {num_steps}")
    parameters = list(modules.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=1e-2, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=num_steps, pct_start=0.1
    )
    average = EMAModel(parameters, decay=ema_decay, use_ema_warmup=True) if ema_decay else None
    path = folder / f"{name}.pt"
    step, seconds = 0, 0.0
    if path.exists():
        state = torch.load(path, weights_only=True)
        step, seconds = state["step"], state["seconds"]
        modules.load_state_dict(state["modules"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        if average:
            average.load_state_dict(state["average"])

    modules.train()
    start = time.perf_counter() - seconds
    mean = None
    bar = tqdm(total=num_steps, initial=step, desc=name, unit="step", mininterval=5)
    while step < num_steps:
        loss = loss_function(
            torch.Generator().manual_seed(seed * 1_000_003 + step), step / num_steps
        )
        if not torch.isfinite(loss):
            raise RuntimeError(f"{name}: the loss became {loss.item()} at step {step}")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if average:
            average.step(parameters)
        step += 1
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        bar.update()
        bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
        if step % checkpoint_every == 0 or step == num_steps:
            state = {
                "step": step,
                "seconds": (seconds := time.perf_counter() - start),
                "modules": modules.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "average": average.state_dict() if average else {},
            }
            with atomic_path(path) as temporary:
                torch.save(state, temporary)
    bar.close()
    if average:
        average.copy_to(parameters)
    modules.eval()
    return seconds
