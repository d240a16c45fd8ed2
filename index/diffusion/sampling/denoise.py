"""The walk along the grid: batches join at their first step and share every network call.

Calls are shared because one on a few rows costs nearly as much as one on many. Schedulers are not,
because they remember earlier predictions (see `solver.Solver`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from index.diffusion import EVERYWHERE, Conditioning, Family, guided_at

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
        if self.device.type == "cuda":
            # Kernels run behind the program: without waiting, the next stage would be blamed.
            torch.cuda.synchronize(self.device)
        self.seconds[name] += perf_counter() - start


@dataclass(frozen=True)
class Batch:
    """Rows that walk in step.

    Attributes:
        solver: Their latents and solver state.
        prompts: ``(B,)`` int64, each one's row of the conditioning.
    """

    solver: Solver
    prompts: Tensor


@dataclass(frozen=True)
class Guidance:
    """What the network is told, and how strongly.

    Attributes:
        conditioning: One row per distinct prompt; with guidance, the negative prompt comes last.
        scale: Classifier-free guidance; ``None`` for none, which halves the rows.
        interval: Timesteps at which there is guidance, see `SweepSettings`.
    """

    conditioning: Conditioning
    scale: float | None
    interval: tuple[float, float] = EVERYWHERE


@dataclass(frozen=True)
class Denoiser:
    """A family's network under guidance, on any number of rows.

    Attributes:
        family: The model.
        guidance: What the network is told.
        batch_size: Rows of one network call at most.
        timer: Counts the rows.
    """

    family: Family
    guidance: Guidance
    batch_size: int
    timer: StageTimer

    def guided(self, latents: Tensor, timesteps: Tensor, prompts: Tensor) -> Tensor:
        """Predict with classifier-free guidance, for the rows whose timestep has some.

        Args:
            latents: ``(B, C, h, w)`` float32, in the scheduler's units.
            timesteps: ``(B,)`` float32; rows may differ.
            prompts: ``(B,)`` int64, rows of the conditioning.

        Returns:
            ``(B, C, h, w)`` float32.
        """
        scale = self.guidance.scale
        rows: Tensor = guided_at(timesteps, self.guidance.interval).nonzero()[:, 0]
        if scale is None or not len(rows):
            return self.predict(latents, timesteps, prompts)
        negative = len(next(iter(self.guidance.conditioning.values()))) - 1
        both = torch.cat([torch.full_like(prompts[rows], negative), prompts])
        times = torch.cat([timesteps[rows], timesteps])
        rows = rows.to(latents.device)
        predicted = self.predict(torch.cat([latents[rows], latents]), times, both)
        unconditional, conditional = predicted[: len(rows)], predicted[len(rows) :]
        # In float32 whatever the network's precision: the scale enlarges a difference of two
        # similar numbers, and with it the rounding of half precision.
        guided = unconditional + scale * (conditional[rows] - unconditional)
        return conditional.index_copy(0, rows, guided)

    def predict(self, latents: Tensor, timesteps: Tensor, prompts: Tensor) -> Tensor:
        """Predict without guidance, on as many rows at once as `batch_size` allows."""
        timesteps, prompts = timesteps.to(latents.device), prompts.to(latents.device)
        predicted = []
        for rows in calls(len(latents), self.batch_size, fixed=self.family.fixed_rows):
            rows = rows.to(latents.device)
            conditioning = {
                name: value[prompts[rows]] for name, value in self.guidance.conditioning.items()
            }
            predicted.append(self.family.predict(latents[rows], timesteps[rows], conditioning))
        self.timer.rows += len(latents)
        return torch.cat(predicted)[: len(latents)]  # without the rows that filled the last call


def denoise(denoiser: Denoiser, batches: Sequence[Batch], num_inference_steps: int) -> None:
    """Walk the whole grid, from the noisiest step to the cleanest; the solvers keep the latents."""
    timer = denoiser.timer
    for index in range(num_inference_steps):
        # Batches differ in their first step only: from then on, all take every step of the grid.
        active = [batch for batch in batches if batch.solver.begin <= index]
        if not active:
            continue
        with timer.stage("step"):
            latents = torch.cat([batch.solver.model_input(index) for batch in active])
            prompts = torch.cat([batch.prompts for batch in active])
            # Row by row: a batch that left the grid has a timestep of its own at this step.
            timesteps = torch.cat(
                [batch.solver.timestep(index).float().expand(len(batch.solver)) for batch in active]
            )
        with timer.stage("network"):
            predicted = denoiser.guided(latents, timesteps, prompts)
        with timer.stage("step"):
            parts = torch.split(predicted, [len(batch.solver) for batch in active])
            for batch, part in zip(active, parts, strict=True):
                batch.solver.step(index, part)


def calls(count: int, batch_size: int, *, fixed: bool) -> tuple[Tensor, ...]:
    """Share rows out over network calls.

    Args:
        count: Rows, numbered from 0.
        batch_size: Rows of one call at most.
        fixed: Every call gets exactly `batch_size` rows, the last one filled up with its last row.

    Returns:
        The rows of each call, int64.
    """
    rows = torch.arange(count)
    if not fixed:
        # Evenly, 65 rows as 33 + 32: a call of one row costs nearly as much as one of 32.
        return rows.tensor_split(-(-count // batch_size))
    # The network was compiled for one number of rows, and another number would compile it again.
    # The last row fills up: it costs nothing to prepare, and its repeated results are cut off.
    return torch.split(torch.cat([rows, rows[-1:].expand(-count % batch_size)]), batch_size)
