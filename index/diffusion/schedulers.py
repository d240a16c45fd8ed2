"""Solvers: diffusers' schedulers, joined in the middle of their grid by batches of latents."""

from __future__ import annotations

import copy
import importlib
from typing import Any

from .weights import ModelError

Scheduler = Any
"""One of diffusers' schedulers; they share no typed base class."""


SCHEDULERS = {
    "dpm++": "DPMSolverMultistepScheduler",
    "unipc": "UniPCMultistepScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
    "flow_euler": "FlowMatchEulerDiscreteScheduler",
}
"""Samplers that can be joined anywhere in their grid, by short name."""


def scheduler_class(name: str) -> Any:
    """Find a scheduler class of diffusers by short or full name.

    Raises:
        ModelError: It is not among those that can be joined anywhere in their grid.
    """
    full = SCHEDULERS.get(name, name)
    if full not in SCHEDULERS.values():
        raise ModelError(_unknown_scheduler(name))
    return getattr(importlib.import_module("diffusers"), full)


def _unknown_scheduler(name: str) -> str:
    known = ", ".join(f"{short} ({full})" for short, full in SCHEDULERS.items())
    return f"scheduler {name!r} cannot start in the middle of its grid here; known: {known}"


def paper_sampler(scheduler: Scheduler) -> Scheduler:
    """Make the paper's sampler on a model's own schedule: DPM-Solver++ of order 2, even steps."""
    return scheduler_class("dpm++").from_config(
        scheduler.config,
        algorithm_type="dpmsolver++",
        solver_order=2,
        timestep_spacing="linspace",
    )


def is_flow(scheduler: Scheduler) -> bool:
    """Tell whether the scheduler interpolates linearly between image and noise."""
    return type(scheduler).__name__ == "FlowMatchEulerDiscreteScheduler"


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
    fresh = copy.deepcopy(scheduler)
    fresh.set_timesteps(num_inference_steps)
    return fresh
