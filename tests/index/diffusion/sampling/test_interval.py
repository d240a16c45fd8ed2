"""Guidance at some timesteps only: what it changes, what it costs, for every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from genie_transforms import UserError
from index.diffusion import guided_at, load_family
from index.diffusion.family import Family
from index.diffusion.sampling import SweepPair, SweepSettings, network_rows, sweep, sweep_latents

PAIRS = [
    SweepPair(0, "a photo of a dog", (0.34, 0.8, 1.0), seed=1),
    SweepPair(1, "a photo of a bird", (0.6,), seed=2),
]
IMAGES = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
INSIDE = (300.0, 700.0)


@pytest.fixture(params=["stable_diffusion_folder", "velocity_folder", "sdxl_folder", "sd3_folder"])
def family(request: pytest.FixtureRequest) -> Family:
    folder: Path = request.getfixturevalue(request.param)
    return load_family(str(folder))


def _swept(family: Family, pairs: list[SweepPair] = PAIRS, **settings: Any) -> list[Tensor]:
    chosen = {"num_inference_steps": 5, "guidance_scale": 5.0, **settings}
    return sweep_latents(family, IMAGES, pairs, SweepSettings(**chosen))


def test_none_is_no_guidance_and_all_is_guidance(family: Family) -> None:
    everywhere, nowhere = _swept(family), _swept(family, guidance_scale=1.0)
    for one, other in zip(_swept(family, guidance_interval=(0.0, 1000.0)), everywhere, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(_swept(family, guidance_interval=(500.0, 500.0)), nowhere, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(_swept(family, guidance_interval=INSIDE), everywhere, strict=True):
        assert not torch.equal(one, other)


def test_a_batch_equals_one_at_a_time(family: Family) -> None:
    # Some rows of a call have guidance and some have none: those off the grid join at their own t.
    together = _swept(family, guidance_interval=INSIDE)
    for pair, latents in zip(PAIRS, together, strict=True):
        for ratio, one in zip(pair.noise_ratios, latents, strict=True):
            alone = SweepPair(pair.source, pair.prompt, (ratio,), pair.seed)
            [[expected]] = _swept(family, [alone], guidance_interval=INSIDE, batch_size=1)
            torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("interval", [(0.0, 1000.0), (300.0, 801.0)])
def test_rows_are_those_that_are_counted(family: Family, interval: tuple[float, float]) -> None:
    settings = SweepSettings(num_inference_steps=4, guidance_interval=interval)
    counted = sum(network_rows(family, pair.noise_ratios, settings) for pair in PAIRS)
    assert sweep(family, IMAGES, PAIRS, settings).network_rows == counted


def test_rows_by_hand(stable_diffusion_folder: Path) -> None:
    family = load_family(str(stable_diffusion_folder))
    settings = SweepSettings(num_inference_steps=4, guidance_interval=(300.0, 700.0))
    # t = 999, 749, 500, 250: one of four has guidance.
    assert network_rows(family, [1.0], settings) == 5
    assert network_rows(family, [0.5], settings) == 3
    # r = .6 begins at 500, which is moved to 600.
    assert network_rows(family, [0.6], settings) == 3
    # r = .69 and .71 begin there, too: one is moved within the interval, one out of it.
    assert network_rows(family, [0.69, 0.71], settings) == 3 + 2


def test_the_end_belongs_to_the_interval_of_all() -> None:
    times = torch.tensor([0.0, 199.9, 200.0, 799.0, 800.0, 1000.0])
    assert guided_at(times, (0.0, 1000.0)).all()
    assert guided_at(times, (200.0, 800.0)).tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("interval", [(800.0, 200.0), (-1.0, 5.0), (0.0, 1001.0), (5.0,)])
def test_what_is_no_interval_is_refused(interval: Any) -> None:
    with pytest.raises(UserError, match="guidance_interval"):
        SweepSettings(guidance_interval=interval)
