"""The authors' recipe for Stable Diffusion 1.x, derived again without diffusers' scheduler."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from index.diffusion.families import load_family
from index.diffusion.sampling.sweep import sweep_latents
from index.diffusion.sampling.trajectories import SweepPair

PROMPT, GUIDANCE, STEPS = "a photo of a dog", 7.5, 50


def alphas_cumprod() -> Tensor:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0)


def embedded(pipe: StableDiffusionPipeline, text: str) -> Tensor:
    tokens = pipe.tokenizer(
        text,
        padding="max_length",
        max_length=pipe.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    return pipe.text_encoder(tokens.input_ids)[0]


def guided_noise(pipe: StableDiffusionPipeline, z: Tensor, t: int, prompt: str) -> Tensor:
    empty = pipe.unet(z, t, embedded(pipe, "")).sample
    conditional = pipe.unet(z, t, embedded(pipe, prompt)).sample
    return empty + GUIDANCE * (conditional - empty)


@torch.no_grad()
def authors_latent(
    pipe: StableDiffusionPipeline, image: Tensor, prompt: str, ratio: float, seed: int
) -> Tensor:
    """One image at one noise ratio: DPM-Solver++ (2M), written from its paper (Lu et al., 2022)."""
    pixels = image[None].float() / 127.5 - 1
    z = pipe.vae.encode(pixels).latent_dist.mode() * pipe.vae.config.scaling_factor
    eps = torch.randn(z.shape, generator=torch.Generator().manual_seed(seed))
    bars = alphas_cumprod()
    bar = float(bars[min(round(1000 * ratio), 999)])
    z = eps if ratio > 0.999 else math.sqrt(bar) * z + math.sqrt(1 - bar) * eps

    grid = np.linspace(0, 999, STEPS + 1).round().astype(int)[:0:-1]
    grid = [int(t) for t in grid if t - 1 <= 1000 * ratio]
    alpha = [math.sqrt(bars[t]) for t in grid] + [1.0]
    sigma = [math.sqrt(1 - bars[t]) for t in grid] + [0.0]
    before, last_h = None, 0.0
    for k, t in enumerate(grid):
        x0 = (z - sigma[k] * guided_noise(pipe, z, t, prompt)) / alpha[k]
        if sigma[k + 1] == 0:
            return x0
        h = math.log(alpha[k + 1] / sigma[k + 1]) - math.log(alpha[k] / sigma[k])
        target = x0 if before is None else x0 + (x0 - before) * h / (2 * last_h)
        z = sigma[k + 1] / sigma[k] * z - alpha[k + 1] * math.expm1(-h) * target
        before, last_h = x0, h
    raise AssertionError("the grid does not end")


@pytest.mark.parametrize("ratio", [0.3, 0.6, 0.8, 1.0])
def test_sweep_follows_the_authors_recipe(stable_diffusion_folder: Path, ratio: float) -> None:
    pipe = StableDiffusionPipeline.from_pretrained(stable_diffusion_folder, safety_checker=None)
    family = load_family(str(stable_diffusion_folder))
    image = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    ours = sweep_latents(family, image[None], [SweepPair(0, PROMPT, (ratio,), seed=11)])[0]
    theirs = authors_latent(pipe, image, PROMPT, ratio, seed=11)
    assert float((ours - theirs).abs().max()) <= 1e-4
