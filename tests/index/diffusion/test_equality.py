"""The sweep equals diffusers' own image-to-image pipelines, alone and in mixed batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    StableDiffusion3Img2ImgPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionXLImg2ImgPipeline,
)
from torch import Tensor

from index.diffusion.families import load_family
from index.diffusion.family import Family
from index.diffusion.sampling.config import SweepSettings
from index.diffusion.sampling.seeds import derived_seed, gaussian
from index.diffusion.sampling.solver import add_noise_exactly, first_index
from index.diffusion.sampling.sweep import sweep, sweep_latents
from index.diffusion.sampling.trajectories import SweepPair
from index.diffusion.schedulers import with_timesteps

PAIRS = [
    SweepPair(0, "a photo of a dog", (0.3, 0.8, 1.0), seed=1),
    SweepPair(1, "a photo of a bird, a type of boat", (0.6,), seed=2),
    SweepPair(0, "a photo of a car", (0.8,), seed=3),
]
STEPS = 20  # as good as 50 for equality, and from 15 on the solver's last steps are those of 50


@dataclass
class Case:
    """A family beside diffusers' pipeline on the same weights."""

    family: Family
    pipe: Any
    images: Tensor

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "num_inference_steps": min(STEPS, self.family.default_num_inference_steps),
            "guidance_scale": self.family.default_guidance_scale,
        }

    def ours(self, pairs: list[SweepPair], **more: Any) -> list[Tensor]:
        settings = SweepSettings(**{**self.settings, **more})
        return sweep_latents(self.family, self.images, pairs, settings)


CASES = {
    "sd1": ("stable_diffusion_folder", StableDiffusionImg2ImgPipeline, {"safety_checker": None}),
    "sd2": ("velocity_folder", StableDiffusionImg2ImgPipeline, {"safety_checker": None}),
    "sdxl": ("sdxl_folder", StableDiffusionXLImg2ImgPipeline, {}),
    "turbo": ("turbo_folder", StableDiffusionXLImg2ImgPipeline, {}),
    "sd3": (
        "sd3_folder",
        StableDiffusion3Img2ImgPipeline,
        dict.fromkeys(("text_encoder_3", "tokenizer_3", "image_encoder", "feature_extractor")),
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    folder_name, pipeline_class, absent = CASES[request.param]
    folder: Path = request.getfixturevalue(folder_name)
    family = load_family(str(folder))
    pipe = pipeline_class.from_pretrained(folder, **absent)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = with_timesteps(family.scheduler, 1)
    images = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    return Case(family, pipe, images)


def by_diffusers(case: Case, pair: SweepPair, ratio: float, output_type: str = "latent") -> Tensor:
    """Run diffusers' pipeline on one image, from latents noised exactly.

    Its own noising is replaced because it can only noise at grid steps (and, for r = 1, leaves a
    rest of the image); all that follows is diffusers'.
    """
    steps = case.settings["num_inference_steps"]
    grid = with_timesteps(case.family.scheduler, steps)
    begin = first_index(grid.timesteps, ratio)
    pixels = case.images[pair.source, None].float() / 255
    vae = case.pipe.vae
    with torch.no_grad():
        clean = vae.encode(pixels * 2 - 1).latent_dist.mode()
    clean = (clean - (vae.config.shift_factor or 0)) * vae.config.scaling_factor
    start = add_noise_exactly(grid, clean, gaussian(clean.shape, pair.seed), ratio)
    # Noise that a sampler adds at step k comes from the pair's seed for that step.
    generator = torch.Generator().manual_seed(derived_seed(pair.seed, "step", begin))

    def reseed(pipe: Any, step: int, t: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        generator.manual_seed(derived_seed(pair.seed, "step", begin + step + 1))
        return tensors

    case.pipe.prepare_latents = lambda *args, **kwargs: start
    # The others truncate the number of steps that run, SD 3 the number of those left out.
    half = -0.5 if case.family.flow else 0.5
    result: Tensor = case.pipe(
        prompt=pair.prompt,
        image=pixels,
        strength=(steps - begin + half) / steps if begin else 1.0,
        generator=generator,
        callback_on_step_end=reseed,
        output_type=output_type,
        **case.settings,
        **({"height": 16, "width": 16} if case.family.flow else {}),
    ).images
    return result[0]


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    assert float((ours - theirs).abs().max()) <= 1e-4


def test_a_mixed_batch_equals_diffusers_one_image_at_a_time(case: Case) -> None:
    swept = case.ours(PAIRS, first_step="grid")
    for pair, latents in zip(PAIRS, swept, strict=True):
        assert bool(latents.isfinite().all())
        for ratio, latent in zip(pair.noise_ratios, latents, strict=True):
            assert_equal(latent, by_diffusers(case, pair, ratio))


def test_decoded_images_equal_diffusers(case: Case) -> None:
    settings = SweepSettings(first_step="grid", **case.settings)
    result = sweep(case.family, case.images, PAIRS[2:], settings)
    theirs = by_diffusers(case, PAIRS[2], 0.8, "pt")
    # Ours are bytes: half a level of rounding apart, at most.
    assert float((result.images[0][0] / 255 - theirs).abs().max()) <= 0.51 / 255


def test_a_pair_alone_equals_the_same_pair_in_a_batch(case: Case) -> None:
    together = case.ours(PAIRS)
    assert_equal(case.ours(PAIRS[:1], batch_size=1)[0], together[0])
    crowd = [SweepPair(1, "a photo of a boat", (0.3, 0.7), seed=10 + k) for k in range(5)]
    assert_equal(case.ours([*crowd, *PAIRS], batch_size=16)[5], together[0])


def test_the_prompt_and_the_source_matter(case: Case) -> None:
    base, prompt, source = case.ours(
        [
            SweepPair(0, "a photo of a dog", (0.5,), seed=1),
            SweepPair(0, "a photo of a car", (0.5,), seed=1),
            SweepPair(1, "a photo of a dog", (0.5,), seed=1),
        ]
    )
    assert float((base - prompt).abs().max()) > 1e-3
    assert float((base - source).abs().max()) > 1e-3


def test_stable_diffusion_equals_the_untouched_pipeline_on_grid_steps(
    stable_diffusion_folder: Path,
) -> None:
    """At r = .3, .4, .5 of 20 steps 1000 r is a grid step, and diffusers' noising is right."""
    family = load_family(str(stable_diffusion_folder))
    pipe = StableDiffusionImg2ImgPipeline.from_pretrained(
        stable_diffusion_folder, safety_checker=None
    )
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = with_timesteps(family.scheduler, 1)
    images = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)
    pair = SweepPair(0, "a photo of a dog", (0.3, 0.4, 0.5), seed=4)
    swept = sweep_latents(family, images, [pair], SweepSettings(num_inference_steps=STEPS))[0]
    for ratio, latent in zip(pair.noise_ratios, swept, strict=True):
        theirs = pipe(
            prompt=pair.prompt,
            image=family.encode_images(images).detach(),
            strength=ratio,
            num_inference_steps=STEPS,
            generator=torch.Generator().manual_seed(pair.seed),
            output_type="latent",
        ).images[0]
        assert_equal(latent, theirs)


def test_sd3_equals_the_untouched_pipeline_on_grid_steps(sd3_folder: Path) -> None:
    absent = CASES["sd3"][2]
    family = load_family(str(sd3_folder))
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(sd3_folder, **absent)
    pipe.set_progress_bar_config(disable=True)
    images = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)
    sigmas = with_timesteps(family.scheduler, 28).sigmas
    pair = SweepPair(0, "a photo of a dog", tuple(float(sigmas[k]) for k in (21, 14, 7)), seed=4)
    settings = SweepSettings(num_inference_steps=28, guidance_scale=7.0)
    swept = sweep_latents(family, images, [pair], settings)[0]
    # Encoded here: given pixels, diffusers would sample the posterior and not take its mode.
    clean = family.encode_images(images).detach()
    pipe.prepare_latents = _noised_by_diffusers(pipe, clean)
    for index, latent in zip((21, 14, 7), swept, strict=True):
        theirs = pipe(
            prompt=pair.prompt,
            image=images.float() / 255,
            height=16,
            width=16,
            strength=(28 - index - 0.5) / 28,
            num_inference_steps=28,
            guidance_scale=7.0,
            generator=torch.Generator().manual_seed(pair.seed),
            output_type="latent",
        ).images[0]
        assert_equal(latent, theirs)


def _noised_by_diffusers(pipe: Any, clean: Tensor) -> Callable[..., Tensor]:
    def prepare_latents(image: Any, timestep: Tensor, *rest: Any) -> Tensor:
        noise = torch.randn(clean.shape, generator=rest[-1])
        scaled: Tensor = pipe.scheduler.scale_noise(clean, timestep, noise)
        return scaled

    return prepare_latents
