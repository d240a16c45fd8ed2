"""What a sweep will cost, counted without a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from index.diffusion import Family, guided_at, with_timesteps

from .config import SweepSettings
from .noise import start_timestep
from .solver import first_index, leaves_grid


def network_rows(family: Family, ratios: Sequence[float], settings: SweepSettings) -> int:
    """Count the rows that one pair sends through the network, guidance counted.

    A noise ratio runs every step of the grid from its own first one on; a step counts once, and
    where there is guidance twice.

    Args:
        family: The diffusion model.
        ratios: The pair's noise ratios.
        settings: Steps and guidance.

    Raises:
        UserError: A noise ratio is too small for any step of the grid.
    """
    grid = with_timesteps(family.scheduler, settings.num_inference_steps).timesteps.float()
    return sum(_rows(family, grid, ratio, settings) for ratio in ratios)


def _rows(family: Family, grid: torch.Tensor, ratio: float, settings: SweepSettings) -> int:
    steps = grid[first_index(grid, ratio) :].clone()
    if leaves_grid(float(steps[0]), ratio, settings.first_step):
        steps[0] = 1000 * ratio if family.flow else start_timestep(ratio)
    if settings.guidance is None:
        return len(steps)
    return len(steps) + int(guided_at(steps, settings.guidance_interval).sum())
