"""diffusers' schedulers, joined in the middle of their grid by batches of latents."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genie_transforms import UserError
from index.diffusion import Scheduler, is_flow, is_stochastic

from .config import FirstStep
from .noise import PURE_NOISE, flow_coefficients, noise_coefficients, start_timestep
from .seeds import derived_seed

_SCALED = ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler")
"""Schedulers whose latents are divided by alpha, so that only the noise has a weight."""

_EPSILON = 1e-6
"""Of a timestep: above the rounding errors of a ratio, below what tells two steps apart."""


def first_index(timesteps: Tensor, noise_ratio: float) -> int:
    """Find the first step that a noise ratio runs: every t with t - 1 <= 1000 r runs.

    With 50 evenly spaced steps that is exactly 50 r network calls for r = 0.3, 0.4, … 1.

    Args:
        timesteps: The grid, ``(N,)``, decreasing.
        noise_ratio: r in (0, 1].

    Returns:
        An index in [0, N).

    Raises:
        UserError: So little noise that no step would run, or r outside (0, 1].
    """
    start_timestep(noise_ratio)  # refuses ratios outside (0, 1]
    # Counted along the grid, not as int(50 * r): that is 28 for r = 0.58, whose product is
    # 28.999999999999996, and it is wrong for every grid that is not even.
    index = int((timesteps.double() - 1 > 1000 * noise_ratio + _EPSILON).sum())
    if index == len(timesteps):
        least = (float(timesteps[-1]) - 1) / 1000
        raise UserError(
            f"noise_ratio {noise_ratio} runs none of the {len(timesteps)} steps; with this "
            f"schedule it must be at least {max(least, 0.001):.3f}"
        )
    return index


def leaves_grid(timestep: float, noise_ratio: float, first_step: FirstStep) -> bool:
    """Tell whether a trajectory's first step moves from the grid's `timestep` to 1000 r."""
    # Pure noise belongs to the first step of any grid: there is nothing to move it to.
    if noise_ratio > PURE_NOISE or first_step == "grid":
        return False
    # One timestep of tolerance: the authors' grid has 599 where r = 0.6 means 600, and their
    # images are to be had bit for bit.
    return first_step == "exact" or abs(timestep - 1000 * noise_ratio) > 1 + _EPSILON


def add_noise_exactly(
    scheduler: Scheduler, clean: Tensor, noise: Tensor, noise_ratio: float
) -> Tensor:
    """Hide clean latents under exactly the noise of a noise ratio, in the scheduler's units.

    Args:
        scheduler: Prepared scheduler.
        clean: ``(..., C, h, w)`` float32.
        noise: Standard normal, same shape.
        noise_ratio: r in (0, 1]; above 0.999 `clean` is ignored, even if it is not finite.

    Returns:
        Same shape. Euler schedulers count in z_0 + (sigma / alpha) epsilon, the others in
        alpha z_0 + sigma epsilon.
    """
    if noise_ratio > PURE_NOISE:
        # Not `0 * clean + noise`: that is not a number where `clean` is not finite.
        return noise * float(getattr(scheduler, "init_noise_sigma", 1.0))
    if is_flow(scheduler):
        alpha, sigma = flow_coefficients(noise_ratio)
    else:
        alpha, sigma = noise_coefficients(scheduler.alphas_cumprod, noise_ratio)
    if type(scheduler).__name__ in _SCALED:
        # Their `scale_model_input` multiplies by alpha again before the network sees the latents.
        alpha, sigma = 1.0, sigma / alpha
    return alpha * clean + sigma * noise


class Solver:
    """A batch of latents that entered the grid at the same step, and their scheduler's state.

    Multistep solvers remember earlier predictions and start with a first-order step, so rows that
    start at different steps cannot share one scheduler object.

    Args:
        scheduler: Prepared scheduler; it is copied.
        begin: Index of the first step.
        latents: Noised, ``(B, C, h, w)`` float32, in the scheduler's units.
        seeds: One per row, for schedulers that add noise.
        exact_ratio: Move the first step from the grid to exactly this noise ratio.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        begin: int,
        latents: Tensor,
        seeds: Sequence[int],
        exact_ratio: float | None = None,
    ) -> None:
        self.begin = begin
        self.latents = latents
        self._seeds = seeds
        self._scheduler = copy.deepcopy(scheduler)
        # Told, not looked up: diffusers searches the grid for the timestep, and of two equal ones
        # takes the second.
        self._scheduler.set_begin_index(begin)
        self._stochastic = is_stochastic(scheduler)
        if exact_ratio is not None:
            self._move_first_step(exact_ratio)

    def __len__(self) -> int:
        return len(self.latents)

    def _move_first_step(self, noise_ratio: float) -> None:
        # Both or neither: the network reads the timestep, the solver's arithmetic the sigma.
        scheduler = self._scheduler
        if is_flow(scheduler):
            timestep, sigma = 1000 * noise_ratio, noise_ratio
        else:
            timestep = start_timestep(noise_ratio, len(scheduler.alphas_cumprod))
            alpha, noise = noise_coefficients(scheduler.alphas_cumprod, noise_ratio)
            sigma = noise / alpha
        # Clones, because a copied tensor may share the storage of the scheduler it came from.
        scheduler.timesteps = scheduler.timesteps.clone()
        scheduler.timesteps[self.begin] = timestep
        scheduler.sigmas = scheduler.sigmas.clone()
        scheduler.sigmas[self.begin] = sigma

    def timestep(self, index: int) -> Tensor:
        """Return the timestep of step `index`, 0-d."""
        value: Tensor = self._scheduler.timesteps[index]
        return value

    def model_input(self, index: int) -> Tensor:
        """Return the latents as the network wants them at step `index`, ``(B, C, h, w)``."""
        scheduler = self._scheduler
        if not hasattr(scheduler, "scale_model_input"):
            return self.latents
        scaled: Tensor = scheduler.scale_model_input(self.latents, self.timestep(index))
        return scaled

    def step(self, index: int, prediction: Tensor) -> None:
        """Move the latents from step `index` to the next with the network's prediction.

        Args:
            index: Step of the grid.
            prediction: ``(B, C, h, w)`` float32, after guidance.
        """
        # Latents and prediction are float32 whatever the network's precision: rounded to half
        # precision at each of 50 steps, the errors would add up in the image.
        more: dict[str, Any] = {"generator": self._generators(index)} if self._stochastic else {}
        self.latents = self._scheduler.step(
            prediction, self.timestep(index), self.latents, return_dict=False, **more
        )[0]

    def _generators(self, index: int) -> list[torch.Generator]:
        # Seeded again at each step: a row's noise depends on its seed and the step alone, so
        # trajectories of one pair that joined at different steps meet the same noise.
        return [
            torch.Generator("cpu").manual_seed(derived_seed(seed, "step", index))
            for seed in self._seeds
        ]
