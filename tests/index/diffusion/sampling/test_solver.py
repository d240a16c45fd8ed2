"""Solvers, held to the one case with a known answer: a predictor that knows the noise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from index.diffusion.families import load_family
from index.diffusion.sampling.config import SweepSettings
from index.diffusion.sampling.seeds import gaussian
from index.diffusion.sampling.solver import first_index, leaves_grid
from index.diffusion.sampling.sweep import sweep_latents
from index.diffusion.sampling.trajectories import SweepPair

RATIOS = (0.3, 0.35, 0.58, 0.8)


def recovered(folder: str, scheduler: str | None, **settings: Any) -> float:
    """Sweep with a network that predicts the true noise; how far from the source do we end?"""
    family = load_family(folder, scheduler=scheduler)
    images = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)
    with torch.no_grad():
        clean = family.encode_images(images)
    eps = gaussian(clean.shape[1:], seed=5)

    def knowing(latents: Tensor, timesteps: Tensor, conditioning: Any) -> Tensor:
        rows = torch.ones_like(latents)
        if family.flow:
            return rows * (eps - clean)
        bars = family.scheduler.alphas_cumprod[timesteps.long()][:, None, None, None]
        if family.scheduler.config.prediction_type == "v_prediction":
            return bars.sqrt() * eps - (1 - bars).sqrt() * clean
        return rows * eps

    family.predict = knowing  # type: ignore[method-assign]
    pair = SweepPair(0, "a dog", RATIOS, seed=5)
    swept = sweep_latents(family, images, [pair], SweepSettings(**settings))[0]
    return float((swept - clean).abs().max())


@pytest.mark.parametrize("first_step", ["auto", "exact"])
@pytest.mark.parametrize("steps", [6, 50])
@pytest.mark.parametrize(
    ("folder", "scheduler"),
    [
        ("stable_diffusion_folder", None),
        ("stable_diffusion_folder", "euler"),
        ("stable_diffusion_folder", "unipc"),
        ("velocity_folder", None),
        ("sd3_folder", None),
    ],
)
def test_knowing_the_noise_gives_the_source_back(
    request: pytest.FixtureRequest, folder: str, scheduler: str | None, steps: int, first_step: str
) -> None:
    """Only if the network is told the noise that is really there."""
    path = str(request.getfixturevalue(folder))
    error = recovered(path, scheduler, num_inference_steps=steps, first_step=first_step)
    # "auto" leaves the authors' mismatch of at most one timestep of 1000 alone.
    assert error < (1e-3 if first_step == "exact" else 0.1)


def test_a_coarse_grid_without_exact_first_steps_leaves_noise_behind(
    stable_diffusion_folder: Any,
) -> None:
    folder = str(stable_diffusion_folder)
    assert recovered(folder, None, num_inference_steps=6, first_step="grid") > 0.2


def test_every_step_not_above_the_noise_runs() -> None:
    grid = torch.tensor([999, 799, 600, 400, 200])
    assert [first_index(grid, r) for r in (1.0, 0.9, 0.799, 0.599, 0.2, 0.199)] == [
        0,
        1,
        1,
        2,
        4,
        4,
    ]
    with pytest.raises(ValueError, match=r"noise_ratio 0.19 runs none of the 5 steps.*0\.199"):
        first_index(grid, 0.19)


def test_first_steps_move_only_where_asked_and_never_for_pure_noise() -> None:
    assert not leaves_grid(599, 0.6, "auto")
    assert leaves_grid(599, 0.6, "exact")
    assert leaves_grid(579, 0.59, "auto")
    assert not leaves_grid(579, 0.59, "grid")
    assert not leaves_grid(999, 1.0, "exact")
