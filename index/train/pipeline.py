"""Training of a small Stable Diffusion pipeline: autoencoder, then denoiser and text encoder."""

from __future__ import annotations

from functools import partial

import torch
from diffusers import (
    AutoencoderKL,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock
from tqdm import tqdm
from transformers import CLIPTextModel

from .config import StageConfig
from .fitting import FitSettings, draw, fit, mixed_precision
from .models import make_scheduler, make_text_encoder, make_tokenizer, make_unet, make_vae
from .training_set import TrainingSet


def train_vae(config: StageConfig, pixels: Tensor) -> AutoencoderKL:
    """Train the autoencoder on pixels ``(N, 3, R, R)`` uint8."""
    vae = make_vae(sample_size=pixels.shape[-1])
    latent_size = 4 * (pixels.shape[-1] // 4) ** 2

    def loss(rng: torch.Generator, _: float) -> Tensor:
        images = pixels[draw(rng, 32, len(pixels))].float() / 127.5 - 1
        with mixed_precision():
            posterior = vae.encode(images).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=rng)
            decoded = vae.decode(posterior.mean + posterior.std * noise).sample
        divergence: Tensor = posterior.kl().mean() / latent_size
        return _difference(decoded.float(), images) + 2e-3 * divergence

    fit(
        "vae",
        nn.ModuleDict({"vae": vae}),
        loss,
        FitSettings(
            num_steps=config.vae_steps,
            learning_rate=3e-3,
            folder=config.work,
            seed=config.seed,
        ),
    )
    _train_decoder(config, vae, pixels)
    return vae


def _train_decoder(config: StageConfig, vae: AutoencoderKL, pixels: Tensor) -> None:
    """Train the decoder further, on the modes of the posterior."""

    # The builder encodes with the posterior's mode: the decoder learns what that gives.
    def loss(rng: torch.Generator, _: float) -> Tensor:
        images = pixels[draw(rng, 32, len(pixels))].float() / 127.5 - 1
        with mixed_precision():
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
        ),
    )


def _difference(decoded: Tensor, images: Tensor) -> Tensor:
    """Compare images: absolute, squared, and at the edges."""
    error = decoded - images
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + error.square().mean() + edges


@torch.no_grad()
def encode_all(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """Encode pixels ``(N, 3, R, R)`` uint8 to posterior modes ``(N, 4, R/4, R/4)``, unscaled."""
    batches = tqdm(torch.split(pixels, 256), desc="latents", mininterval=5)
    return torch.cat([vae.encode(b.float() / 127.5 - 1).latent_dist.mode() for b in batches])


def train_pipeline(
    config: StageConfig, data: TrainingSet, shift: float = 2.0
) -> StableDiffusionPipeline:
    """Train autoencoder, text encoder and denoiser, and assemble the pipeline.

    Args:
        config: Steps, seed and folder of checkpoints.
        data: Images, classes, captions.
        shift: Of the noise schedule, see `models.shifted_betas`.
    """
    vae = train_vae(config, data.pixels)
    latents = encode_all(vae, data.pixels)
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    latents *= vae.config.scaling_factor

    tokenizer = make_tokenizer(data.vocabulary)
    text_encoder, unet = make_text_encoder(tokenizer), make_unet(sample_size=latents.shape[-1])
    scheduler = make_scheduler(shift)
    tokens = tokenizer(
        [*data.prompts, ""], padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    train_denoiser(config, unet, text_encoder, scheduler, latents, data.labels, tokens)
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def train_denoiser(
    config: StageConfig,
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    scheduler: DPMSolverMultistepScheduler,
    latents: Tensor,
    labels: Tensor,
    tokens: Tensor,
) -> None:
    """Train denoiser and text encoder in place.

    Args:
        config: Steps, seed and folder of checkpoints.
        unet: The denoiser, of v-prediction.
        text_encoder: Trained with it.
        scheduler: Its noise schedule.
        latents: ``(N, 4, H, W)`` float32, scaled.
        labels: ``(N,)`` int64.
        tokens: Plain prompts, captions if any, and the empty prompt: ``(N + 1, L)`` or
            ``(2 N + 1, L)`` int64.
    """
    # On a processor, the fused attention's gradient took more than half of a step.
    unet.set_attn_processor(AttnProcessor())
    objective = _Objective(unet, text_encoder, scheduler, latents, labels, tokens)
    modules = nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})
    fit(
        "unet",
        modules,
        objective,
        FitSettings(
            num_steps=config.unet_steps,
            learning_rate=1.5e-3,
            folder=config.work,
            seed=config.seed + 1,
            ema_decay=0.999,
        ),
    )
    # Last, the clean image that it predicts learns to show the class that the prompt names.
    critic = train_critic(config, latents, labels).requires_grad_(False)
    fit(
        "classes",
        modules,
        partial(objective, critic=critic),
        FitSettings(
            num_steps=config.classes_steps,
            learning_rate=5e-4,
            folder=config.work,
            seed=config.seed + 5,
            ema_decay=0.998,
        ),
    )


class _Objective:
    """The loss of a batch for the denoiser and its text encoder; see `train_denoiser`."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        text_encoder: CLIPTextModel,
        scheduler: DPMSolverMultistepScheduler,
        latents: Tensor,
        labels: Tensor,
        tokens: Tensor,
    ) -> None:
        self._unet = unet
        self._text_encoder = text_encoder
        self._latents, self._labels, self._tokens = latents, labels, tokens
        self._alphas_cumprod = scheduler.alphas_cumprod
        log_snr = torch.logit(scheduler.alphas_cumprod)
        self._levels = log_snr.flip(0).contiguous()  # rising
        # About the inverse of the loss that noise alone leaves: no level drowns the others'
        # gradients.
        self._weights = (0.3 * log_snr).exp().clamp(max=1)

    def __call__(self, rng: torch.Generator, _: float, critic: nn.Module | None = None) -> Tensor:
        """Draw 64 images, prompts and levels of noise, and compute their loss."""
        # The order of the draws is part of the recipe: another one trains another model.
        rows = draw(rng, 64, len(self._latents))
        kind = torch.rand(64, generator=rng)
        times = self._timesteps(rng)
        noise = torch.randn(64, *self._latents.shape[1:], generator=rng)
        alpha = self._alphas_cumprod[times].sqrt()[:, None, None, None]
        sigma = (1 - alpha**2).sqrt()
        noised = alpha * self._latents[rows] + sigma * noise
        states = self._text_encoder(self._prompts(rows, kind)).last_hidden_state
        predicted = self._unet(noised, times, states).sample
        velocity = alpha * noise - sigma * self._latents[rows]
        error: Tensor = (predicted - velocity).square().mean((1, 2, 3))
        loss = (self._weights[times] * error).mean()
        if critic is not None:
            named = kind <= 0.9  # prompts that name a class: all but the empty one
            logits = critic((alpha * noised - sigma * predicted)[named])
            surprise = F.cross_entropy(logits, self._labels[rows][named], reduction="none")
            loss = loss + 0.05 * (self._weights[times][named] * surprise).mean()
        return loss

    def _timesteps(self, rng: torch.Generator) -> Tensor:
        # Three in four where shapes are decided: uniform timesteps hardly visit those levels.
        level = 7 * torch.rand(64, generator=rng) - 5
        times = 999 - torch.searchsorted(self._levels, level).clamp(max=999)
        times[:16] = draw(rng, 16, 1000)
        return times

    def _prompts(self, rows: Tensor, kind: Tensor) -> Tensor:
        """Choose the tokens of each row's prompt by `kind` in [0, 1)."""
        empty = len(self._tokens) - 1
        prompts = rows + (kind < 0.33) * (empty - len(self._latents))  # the captions, if any
        prompts[kind > 0.9] = empty  # for guidance
        return self._tokens[prompts]


def train_critic(config: StageConfig, latents: Tensor, labels: Tensor) -> nn.Module:
    """Train a classifier of latents ``(N, 4, H, W)``, with noise of up to half their spread."""

    def stage(inplanes: int, planes: int) -> BasicBlock:
        shortcut = nn.Sequential(
            nn.Conv2d(inplanes, planes, 1, stride=2, bias=False), nn.BatchNorm2d(planes)
        )
        return BasicBlock(inplanes, planes, stride=2, downsample=shortcut)

    critic = nn.Sequential(
        nn.Conv2d(4, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(inplace=True),
        BasicBlock(48, 48), stage(48, 96), stage(96, 192),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(192, int(labels.max()) + 1),
    )  # fmt: skip

    def loss(rng: torch.Generator, _: float) -> Tensor:
        rows = draw(rng, 64, len(latents))
        spread = torch.rand(64, 1, 1, 1, generator=rng) / 2
        noised = latents[rows] + spread * torch.randn(64, *latents.shape[1:], generator=rng)
        return F.cross_entropy(critic(noised), labels[rows], label_smoothing=0.05)

    fit(
        "critic",
        nn.ModuleDict({"critic": critic}),
        loss,
        FitSettings(
            num_steps=config.critic_steps,
            learning_rate=3e-3,
            folder=config.work,
            seed=config.seed + 6,
        ),
    )
    return critic
