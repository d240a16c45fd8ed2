"""The batched sweep: what it runs, what it shares, what it refuses and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from index.diffusion.families import load_family
from index.diffusion.family import Family
from index.diffusion.sampling.config import FirstStep, SweepSettings
from index.diffusion.sampling.denoise import STAGES
from index.diffusion.sampling.sweep import failure, sweep, sweep_latents
from index.diffusion.sampling.trajectories import SweepPair, group_by_first_step
from index.diffusion.schedulers import with_timesteps

TENTHS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
DOG = "a photo of a dog"


@pytest.fixture
def family(stable_diffusion_folder: Path) -> Family:
    return load_family(str(stable_diffusion_folder))


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)


@pytest.fixture
def calls(family: Family, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Rows of each call of the family's methods."""
    made: dict[str, list[int]] = {}
    for name in ("encode_images", "encode_prompts", "predict", "decode"):
        monkeypatch.setattr(family, name, _counted(getattr(family, name), made, name))
    return made


def _counted(method: Callable[..., Any], made: dict[str, list[int]], name: str) -> Any:
    def counted(rows: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        made.setdefault(name, []).append(len(rows))
        return method(rows, *args, **kwargs)

    return counted


@pytest.mark.parametrize("ratio", TENTHS)
def test_fifty_steps_run_exactly_50_r_network_calls(
    family: Family, images: Tensor, calls: dict[str, list[int]], ratio: float
) -> None:
    result = sweep(family, images, [SweepPair(0, DOG, (ratio,), seed=0)])
    assert calls["predict"] == [2] * round(50 * ratio)
    assert result.network_rows == 2 * round(50 * ratio)


@pytest.mark.parametrize(
    ("folder", "steps", "first", "num_calls"),
    [
        ("stable_diffusion_folder", 50, (300, 400, 500, 599, 699, 799, 899, 999), None),
        ("turbo_folder", 10, (299, 399, 499, 599, 699, 799, 899, 999), None),
        ("sd3_folder", 28, range(300, 1001, 100), (4, 5, 7, 9, 12, 16, 21, 28)),
    ],
)
def test_the_documented_first_timesteps_and_call_counts(
    request: pytest.FixtureRequest,
    folder: str,
    steps: int,
    first: Sequence[int],
    num_calls: Sequence[int] | None,
) -> None:
    family = load_family(str(request.getfixturevalue(folder)))
    grid = with_timesteps(family.scheduler, steps).timesteps
    groups = group_by_first_step([SweepPair(0, DOG, TENTHS, seed=0)], grid, "auto")
    found = {
        group.rows[0].ratio: (
            float(grid[group.begin]) if group.exact_ratio is None else 1000 * group.exact_ratio,
            steps - group.begin,
        )
        for group in groups
    }
    expected = num_calls or [round(steps * ratio) for ratio in TENTHS]
    assert [found[ratio][1] for ratio in TENTHS] == list(expected)
    assert [found[ratio][0] for ratio in TENTHS] == pytest.approx(list(first))


def test_each_thing_is_encoded_once_and_rows_share_calls(
    family: Family, images: Tensor, calls: dict[str, list[int]]
) -> None:
    pairs = [SweepPair(k % 2, DOG, (0.5, 0.8), seed=k) for k in range(3)]
    pairs.append(SweepPair(0, "a photo of a car", (0.5, 0.8), seed=9))
    result = sweep(family, images, pairs)
    assert calls["encode_images"] == [2]  # two distinct sources, the third image is unused
    assert calls["encode_prompts"] == [2, 1]  # two distinct prompts and the empty one
    assert calls["predict"] == [8] * 15 + [16] * 25
    assert result.network_rows == 8 * 15 + 16 * 25
    assert [image.shape for image in result.images] == [(2, 3, 16, 16)] * 4
    assert {image.dtype for image in result.images} == {torch.uint8}
    assert set(result.seconds) == set(STAGES)
    assert all(seconds > 0 for seconds in result.seconds.values())
    assert result.failures == {}


@pytest.mark.parametrize("guidance_scale", [0.0, 1.0])
def test_no_guidance_means_no_unconditional_rows(
    family: Family, images: Tensor, calls: dict[str, list[int]], guidance_scale: float
) -> None:
    pair = SweepPair(0, DOG, (0.5,), seed=0)
    result = sweep(family, images, [pair], SweepSettings(guidance_scale=guidance_scale))
    assert calls["encode_prompts"] == [1]
    assert result.network_rows == 25


def test_calls_are_bounded_by_the_batch_size(
    family: Family, images: Tensor, calls: dict[str, list[int]]
) -> None:
    pairs = [SweepPair(0, DOG, (0.3,), seed=k) for k in range(5)]
    sweep(family, images, pairs, SweepSettings(batch_size=4))
    assert calls["predict"] == [4, 3, 3] * 15  # ten rows, in even chunks


def test_batch_size_does_not_change_the_images(family: Family, images: Tensor) -> None:
    pairs = [SweepPair(k % 3, DOG, (0.3, 0.55, 1.0), seed=k) for k in range(3)]
    one, sixteen = (
        sweep_latents(family, images, pairs, SweepSettings(num_inference_steps=20, batch_size=size))
        for size in (1, 16)
    )
    for alone, together in zip(one, sixteen, strict=True):
        assert float((alone - together).abs().max()) <= 1e-4


def test_r_1_ignores_the_source_entirely(
    family: Family, images: Tensor, calls: dict[str, list[int]]
) -> None:
    pairs = [SweepPair(source, DOG, (1.0,), seed=4) for source in (0, 1)]
    first, second = sweep_latents(family, images, pairs)
    assert torch.equal(first, second)
    assert "encode_images" not in calls


def test_coupled_noise_is_shared_along_r_and_independent_noise_is_not(
    family: Family, images: Tensor
) -> None:
    def at(ratios: tuple[float, ...], noise: Any) -> Tensor:
        pair = SweepPair(0, DOG, ratios, seed=4)
        return sweep_latents(family, images, [pair], SweepSettings(noise=noise))[0]

    coupled, independent = at((0.5, 0.8), "coupled"), at((0.5, 0.8), "independent")
    assert not torch.allclose(coupled, independent)
    # One r run alone is the same image as within a sweep, whichever the noise.
    assert torch.allclose(at((0.8,), "coupled")[0], coupled[1], atol=1e-4)
    assert torch.allclose(at((0.8,), "independent")[0], independent[1], atol=1e-4)


def test_the_negative_prompt_is_used(family: Family, images: Tensor) -> None:
    pair = SweepPair(0, DOG, (0.5,), seed=4)
    plain = sweep_latents(family, images, [pair])[0]
    negative = sweep_latents(family, images, [pair], SweepSettings(negative_prompt="a car"))[0]
    assert not torch.allclose(plain, negative)


def test_exact_first_steps_tell_the_network_the_true_noise(
    family: Family, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    predict = family.predict

    def spied(latents: Tensor, timesteps: Tensor, conditioning: Any) -> Tensor:
        seen.append(float(timesteps[0]))
        return predict(latents, timesteps, conditioning)

    monkeypatch.setattr(family, "predict", spied)
    pair = [SweepPair(0, DOG, (0.3,), seed=4)]
    steps: tuple[tuple[FirstStep, float], ...] = (("auto", 300), ("exact", 300), ("grid", 166))
    for first_step, expected in steps:
        seen.clear()
        settings = SweepSettings(num_inference_steps=6, first_step=first_step)
        sweep_latents(family, images, pair, settings)
        assert seen == [expected]
    seen.clear()
    sweep_latents(family, images, [SweepPair(0, DOG, (0.6,), seed=4)])
    assert seen[:2] == [599, 579]  # the authors' grid; moved only where it is off by more than 1


def test_not_finite_output_is_reported_and_hurts_no_other_row(
    family: Family, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [SweepPair(0, DOG, (0.5, 0.8), seed=k) for k in range(2)]
    right = sweep(family, images, pairs)
    decode = family.decode

    def poisoned(latents: Tensor) -> Tensor:
        bad = latents.clone()
        bad[1] = torch.nan
        return decode(bad)

    monkeypatch.setattr(family, "decode", poisoned)
    result = sweep(family, images, pairs)
    assert result.failures == {(0, 1): "not finite"}
    assert torch.equal(result.images[1], right.images[1])


def test_flat_and_black_images_are_failures() -> None:
    noise = torch.rand(3, 8, 8)
    assert failure(noise) is None
    assert failure(torch.full((3, 8, 8), 0.5)) == "flat"
    assert failure(torch.zeros(3, 8, 8)) == "black"
    assert failure(noise.index_fill(0, torch.tensor([1]), torch.inf)) == "not finite"


@pytest.mark.parametrize(
    ("ratios", "message"),
    [
        ((), "increase strictly"),
        ((0.5, 0.5), "increase strictly"),
        ((0.8, 0.5), "increase strictly"),
        ((0.0, 0.5), r"in \(0, 1\], got 0.0"),
        ((0.5, 1.5), r"in \(0, 1\], got 1.5"),
    ],
)
def test_wrong_noise_ratios_are_refused(ratios: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SweepPair(0, DOG, ratios, seed=0)


def test_wrong_arguments_are_refused(family: Family, images: Tensor) -> None:
    pair = SweepPair(0, DOG, (0.5,), seed=0)
    with pytest.raises(ValueError, match="source 7 is not one of the 3 images"):
        sweep(family, images, [SweepPair(7, DOG, (0.5,), seed=0)])
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        sweep(family, images.float(), [pair])
    with pytest.raises(ValueError, match="multiples of 2 for this model, got 15 x 16"):
        sweep(family, images[:, :, 1:], [pair])
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        sweep(family, images, [pair], SweepSettings(batch_size=0))
    with pytest.raises(ValueError, match=r"0.01 runs none of the 50 steps.*at least 0.019"):
        sweep(family, images, [SweepPair(0, DOG, (0.01,), seed=0)])


def test_nothing_to_do_is_done(family: Family, images: Tensor) -> None:
    result = sweep(family, images, [])
    assert result.images == []
    assert result.network_rows == 0
