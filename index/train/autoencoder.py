"""Training of a small autoencoder: both halves together, then the decoder on what is encoded."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from .config import StageConfig
from .fitting import FitSettings, draw, fit, mixed_precision
from .models import VAE_CHANNELS, make_vae


def train_vae(config: StageConfig, pixels: Tensor) -> AutoencoderKL:
    """Train the autoencoder on pixels ``(N, 3, R, R)`` uint8."""
    vae = make_vae(VAE_CHANNELS[config.vae_factor], sample_size=pixels.shape[-1])
    device = config.device
    latent_size = 4 * (pixels.shape[-1] // config.vae_factor) ** 2

    def loss(rng: torch.Generator, _: float) -> Tensor:
        images = pixels[draw(rng, 32, len(pixels))].to(device).float() / 127.5 - 1
        with mixed_precision(device):
            posterior = vae.encode(images).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=rng).to(device)
            latents = posterior.mean + posterior.std * noise
            decoded = vae.decode(latents).sample
            # Latents of half the size shall mean the image of half the size (EQ-VAE, Kouzelis et
            # al. 2025): so they get smooth, which a denoiser learns more easily.
            smaller = vae.decode(F.avg_pool2d(latents, 2)).sample if config.equivariance else None
        divergence: Tensor = posterior.kl().mean() / latent_size
        loss = _difference(decoded.float(), images) + 2e-3 * divergence
        if smaller is not None:
            halved = _difference(smaller.float(), F.avg_pool2d(images, 2))
            loss = loss + config.equivariance * halved
        return loss

    fit(
        "vae",
        nn.ModuleDict({"vae": vae}),
        loss,
        FitSettings(
            num_steps=config.vae_steps,
            learning_rate=3e-3,
            folder=config.work,
            seed=config.seed,
            device=device,
        ),
    )
    _train_decoder(config, vae, pixels)
    return vae


def _train_decoder(config: StageConfig, vae: AutoencoderKL, pixels: Tensor) -> None:
    """Train the decoder further, on the modes of the posterior."""
    device = config.device
    vae.to(device)  # the encoder as well, which is not trained

    # The builder encodes with the posterior's mode: the decoder learns what that gives.
    def loss(rng: torch.Generator, _: float) -> Tensor:
        images = pixels[draw(rng, 32, len(pixels))].to(device).float() / 127.5 - 1
        with mixed_precision(device):
            with torch.no_grad():
                latents = vae.encode(images).latent_dist.mode()
            decoded = vae.decode(latents).sample
        return _difference(decoded.float(), images)

    fit(
        "decoder",
        nn.ModuleDict({"decoder": vae.decoder, "post_quant_conv": vae.post_quant_conv}),
        loss,
        FitSettings(
            num_steps=config.decoder_steps,
            learning_rate=2e-3,
            folder=config.work,
            seed=config.seed + 4,
            device=device,
        ),
    )
    vae.to("cpu")


def _difference(decoded: Tensor, images: Tensor) -> Tensor:
    """Compare images: absolute, squared, and at the edges."""
    error = decoded - images
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + error.square().mean() + edges


@torch.no_grad()
def encode_all(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """Encode pixels ``(N, 3, R, R)`` uint8 to posterior modes ``(N, 4, R/f, R/f)``, unscaled."""
    batches = tqdm(torch.split(pixels, 256), desc="latents", mininterval=5)
    return torch.cat([vae.encode(b.float() / 127.5 - 1).latent_dist.mode() for b in batches])
