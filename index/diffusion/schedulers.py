"""The samplers that a sweep can use: diffusers' schedulers that can be joined in mid-grid."""

from __future__ import annotations

import copy
from typing import Any

import diffusers
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler

from .samplers import SAMPLERS
from .weights import ModelError

Scheduler = Any
"""One of diffusers' schedulers; they share no typed base class."""


SCHEDULERS = {short: getattr(diffusers, name) for short, name in SAMPLERS.items()}
"""Samplers that can be joined anywhere in their grid, by short name."""


def scheduler_class(name: str) -> Any:
    """Find a scheduler class of diffusers by short or full name.

    Raises:
        ModelError: It is not among those that can be joined anywhere in their grid.
    """
    for short, scheduler in SCHEDULERS.items():
        if name in (short, scheduler.__name__):
            return scheduler
    known = ", ".join(f"{short} ({full.__name__})" for short, full in SCHEDULERS.items())
    raise ModelError(f"scheduler {name!r} cannot start in the middle of its grid; known: {known}")


def paper_sampler(scheduler: Scheduler) -> Scheduler:
    """Make the paper's sampler on a model's own schedule: DPM-Solver++ of order 2, even steps."""
    return DPMSolverMultistepScheduler.from_config(
        scheduler.config,
        algorithm_type="dpmsolver++",
        solver_order=2,
        timestep_spacing="linspace",
    )


def is_flow(scheduler: Scheduler) -> bool:
    """Tell whether the scheduler interpolates linearly between image and noise."""
    return isinstance(scheduler, FlowMatchEulerDiscreteScheduler)


def is_stochastic(scheduler: Scheduler) -> bool:
    """Tell whether the scheduler adds new noise at every step."""
    config = scheduler.config
    return (
        "Ancestral" in type(scheduler).__name__
        or str(config.get("algorithm_type", "")).startswith("sde-")
        or bool(config.get("stochastic_sampling", False))
    )


def with_timesteps(scheduler: Scheduler, num_inference_steps: int) -> Scheduler:
    """Copy a scheduler, without its state, and lay out its grid of `num_inference_steps`."""
    # A copy, because laying out a grid forgets the steps of whoever else uses the scheduler.
    copied = copy.deepcopy(scheduler)
    copied.set_timesteps(num_inference_steps)
    return copied
