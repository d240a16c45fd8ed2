"""The walk along the grid: batches join at their first step and share every network call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from index.diffusion import Conditioning, Family

from .solver import Solver

STAGES = ("encode", "prompts", "network", "step", "decode")


@dataclass
class StageTimer:
    """Counts network rows and wall time per stage while a sweep runs.

    Attributes:
        device: Where the networks run.
        rows: Rows that went through the network so far, guidance counted.
        seconds: Wall time of each of `STAGES` so far.
    """

    device: torch.device
    rows: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to stage `name`."""
        start = perf_counter()
        yield
        if self.device.type == "cuda":  # kernels run behind the program: wait, or blame the next
            torch.cuda.synchronize(self.device)
        self.seconds[name] += perf_counter() - start


@dataclass(frozen=True)
class Batch:
    """Rows that walk in step.

    Attributes:
        solver: Their latents and solver state.
        prompts: ``(B,)`` int64, the row of the conditioning that each is told.
    """

    solver: Solver
    prompts: Tensor


@dataclass(frozen=True)
class Guidance:
    """What the network is told, and how strongly.

    Attributes:
        conditioning: One row per distinct prompt; with guidance, the negative prompt comes last.
        scale: Classifier-free guidance; ``None`` for none, which halves the rows.
    """

    conditioning: Conditioning
    scale: float | None


def denoise(
    family: Family,
    groups: Sequence[Batch],
    guide: Guidance,
    num_inference_steps: int,
    batch_size: int,
    meter: StageTimer,
) -> None:
    """Walk the whole grid, from the noisiest step to the cleanest; the solvers keep the latents."""
    for index in range(num_inference_steps):
        active = [group for group in groups if group.solver.begin <= index]
        if not active:
            continue
        with meter.stage("step"):
            latents = torch.cat([group.solver.model_input(index) for group in active])
            prompts = torch.cat([group.prompts for group in active])
            timesteps = torch.cat(
                [group.solver.timestep(index).float().expand(len(group.solver)) for group in active]
            )
        with meter.stage("network"):
            predicted = _guided(family, latents, timesteps, prompts, guide, batch_size, meter)
        with meter.stage("step"):
            parts = torch.split(predicted, [len(group.solver) for group in active])
            for group, part in zip(active, parts, strict=True):
                group.solver.step(index, part)


def _guided(
    family: Family,
    latents: Tensor,
    timesteps: Tensor,
    prompts: Tensor,
    guide: Guidance,
    batch_size: int,
    meter: StageTimer,
) -> Tensor:
    """Predict with classifier-free guidance, ``(B, C, h, w)``."""
    if guide.scale is None:
        return _predict(family, latents, timesteps, prompts, guide, batch_size, meter)
    negative = len(next(iter(guide.conditioning.values()))) - 1
    both = torch.cat([torch.full_like(prompts, negative), prompts])
    doubled = latents.repeat(2, 1, 1, 1), timesteps.repeat(2)
    without, told = _predict(family, *doubled, both, guide, batch_size, meter).chunk(2)
    return without + guide.scale * (told - without)


def _predict(
    family: Family,
    latents: Tensor,
    timesteps: Tensor,
    prompts: Tensor,
    guide: Guidance,
    batch_size: int,
    meter: StageTimer,
) -> Tensor:
    """Run the network on as many rows at once as `batch_size` allows."""
    timesteps, prompts = timesteps.to(latents.device), prompts.to(latents.device)
    predicted = []
    for rows in calls(len(latents), batch_size, fixed=family.fixed_rows):
        rows = rows.to(latents.device)
        told = {name: value[prompts[rows]] for name, value in guide.conditioning.items()}
        predicted.append(family.predict(latents[rows], timesteps[rows], told))
    meter.rows += len(latents)
    return torch.cat(predicted)[: len(latents)]


def calls(count: int, batch_size: int, *, fixed: bool) -> tuple[Tensor, ...]:
    """Share rows out over network calls.

    Args:
        count: Rows, numbered from 0.
        batch_size: Rows of one call at most.
        fixed: Every call gets exactly `batch_size` rows, the last one filled up with its last row.
            Otherwise calls are even: 65 rows as 33 + 32, because a call of one row costs nearly as
            much as one of 32.

    Returns:
        The rows of each call, int64.
    """
    rows = torch.arange(count)
    if not fixed:
        return rows.tensor_split(-(-count // batch_size))
    return torch.split(torch.cat([rows, rows[-1:].expand(-count % batch_size)]), batch_size)
