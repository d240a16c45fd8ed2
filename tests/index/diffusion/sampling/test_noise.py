"""Seeds and exact noising."""

from __future__ import annotations

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler

from index.diffusion.sampling.noise import (
    flow_coefficients,
    noise_coefficients,
    pair_noise,
    start_timestep,
)
from index.diffusion.sampling.seeds import gaussian, pair_seed

SD_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def test_add_noise_of_multistep_schedulers_is_a_trap_that_we_do_not_enter() -> None:
    scheduler = DPMSolverMultistepScheduler(**SD_BETAS)
    scheduler.set_timesteps(50)
    ratios = (0.6, 0.7, 0.8, 0.9)
    for ratio, right in zip(ratios, (0.916, 0.958, 0.981, 0.993), strict=True):
        assert noise_coefficients(scheduler.alphas_cumprod, ratio)[1] == pytest.approx(
            right, abs=5e-4
        )
        zeros, ones = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
        theirs = scheduler.add_noise(zeros, ones, torch.tensor([int(1000 * ratio)]))
        # If this fails, diffusers was mended: keep our own arithmetic, mend the documentation.
        assert float(theirs) == pytest.approx(0.137, abs=5e-4)


def test_the_first_half_of_the_documented_table() -> None:
    alphas = DPMSolverMultistepScheduler(**SD_BETAS).alphas_cumprod
    weights = [round(noise_coefficients(alphas, ratio)[1], 3) for ratio in (0.3, 0.4, 0.5)]
    assert weights == [0.640, 0.759, 0.851]


def test_coefficients_keep_the_variance_and_r_1_ignores_the_image() -> None:
    alphas = DPMSolverMultistepScheduler(**SD_BETAS).alphas_cumprod
    alpha, sigma = noise_coefficients(alphas, 0.58)
    assert alpha**2 + sigma**2 == pytest.approx(1)
    assert alpha**2 == pytest.approx(float(alphas[580]))
    assert noise_coefficients(alphas, 1.0) == (0.0, 1.0)
    assert noise_coefficients(alphas, 0.9995) == (0.0, 1.0)
    assert noise_coefficients(alphas, 0.999)[0] > 0
    assert flow_coefficients(0.25) == (0.75, 0.25)
    assert flow_coefficients(1.0) == (0.0, 1.0)


def test_every_percent_has_its_own_timestep_in_spite_of_binary_fractions() -> None:
    assert [start_timestep(percent / 100) for percent in range(1, 100)] == [
        10 * percent for percent in range(1, 100)
    ]
    assert start_timestep(1.0) == 999


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.01, float("nan")])
def test_noise_ratios_outside_0_to_1_are_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match=r"noise_ratio must lie in \(0, 1\], got"):
        start_timestep(ratio)


def test_pair_seed_depends_on_each_of_its_arguments_and_on_nothing_else() -> None:
    seeds = [
        pair_seed("ab", "c", 0, 0),
        pair_seed("a", "bc", 0, 0),
        pair_seed("ab", "d", 0, 0),
        pair_seed("ab", "c", 1, 0),
        pair_seed("ab", "c", 0, 1),
        pair_seed("ab", "c", 0, 0, attempt=1),
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    torch.manual_seed(5)
    assert pair_seed("ab", "c", 0, 0) == seeds[0] == 5003494953016739285


def test_noise_is_drawn_apart_from_the_global_generator() -> None:
    state = torch.get_rng_state()
    noise = gaussian((4, 8, 8), 7)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(123)
    assert torch.equal(gaussian((4, 8, 8), 7), noise)


def test_noise_is_shared_by_all_ratios_only_when_coupled() -> None:
    shape = (4, 8, 8)
    assert torch.equal(
        pair_noise(shape, 7, 0.5, coupled=True), pair_noise(shape, 7, 0.8, coupled=True)
    )
    apart = pair_noise(shape, 7, 0.5, coupled=False), pair_noise(shape, 7, 0.8, coupled=False)
    assert not torch.equal(*apart)
    assert torch.equal(apart[0], pair_noise(shape, 7, 0.5, coupled=False))
