"""Training of a small denoiser with its text encoder, and of a critic that it may listen to."""

from __future__ import annotations

from functools import partial

import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock
from transformers import CLIPTextModel

from .config import StageConfig
from .fitting import FitSettings, draw, fit, mixed_precision


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
    weights = loss_weights(scheduler.alphas_cumprod, config.min_snr)
    objective = _Objective(unet, text_encoder, scheduler, latents, labels, tokens, weights)
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
            device=config.device,
        ),
    )
    if not config.classes_steps:
        return
    # Last, the clean image that it predicts learns to show the class that the prompt names.
    critic = train_critic(config, latents, labels).requires_grad_(False).to(config.device)
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
            device=config.device,
        ),
    )


def loss_weights(alphas_cumprod: Tensor, min_snr: float | None = None) -> Tensor:
    """Return the weight of each timestep's loss, ``(T,)`` in (0, 1].

    Much noise counts as SNR^0.3, about the inverse of the loss that noise alone leaves, so that no
    level drowns the others' gradients. Little noise counts at most gamma / (SNR + 1), the weight of
    min-SNR for v-prediction (Hang et al. 2023).

    Args:
        alphas_cumprod: Of the schedule, ``(T,)`` in (0, 1).
        min_snr: Gamma; if not given, little noise counts 1.
    """
    log_snr = torch.logit(alphas_cumprod)
    weights = (0.3 * log_snr).exp().clamp(max=1)
    if min_snr is None:
        return weights
    return torch.minimum(weights, min_snr / (log_snr.exp() + 1))


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
        weights: Tensor,
    ) -> None:
        self._unet = unet
        self._text_encoder = text_encoder
        self._latents, self._labels, self._tokens = latents, labels, tokens
        self._alphas_cumprod = scheduler.alphas_cumprod
        self._levels = torch.logit(scheduler.alphas_cumprod).flip(0).contiguous()  # rising
        self._weights = weights

    def __call__(self, rng: torch.Generator, _: float, critic: nn.Module | None = None) -> Tensor:
        """Draw 64 images, prompts and levels of noise, and compute their loss."""
        # The order of the draws is part of the recipe: another one trains another model.
        device = self._unet.device
        rows = draw(rng, 64, len(self._latents))
        kind = torch.rand(64, generator=rng)
        times = self._timesteps(rng)
        noise = torch.randn(64, *self._latents.shape[1:], generator=rng).to(device)
        alpha = self._alphas_cumprod[times].sqrt()[:, None, None, None].to(device)
        sigma = (1 - alpha**2).sqrt()
        latents, weights = (x.to(device) for x in (self._latents[rows], self._weights[times]))
        noised = alpha * latents + sigma * noise
        with mixed_precision(device):
            prompts = self._prompts(rows, kind).to(device)
            states = self._text_encoder(prompts).last_hidden_state
            predicted = self._unet(noised, times.to(device), states).sample.float()
        velocity = alpha * noise - sigma * latents
        error: Tensor = (predicted - velocity).square().mean((1, 2, 3))
        loss = (weights * error).mean()
        if critic is not None:
            named = kind <= 0.9  # prompts that name a class: all but the empty one
            logits = critic((alpha * noised - sigma * predicted)[named])
            labels = self._labels[rows][named].to(device)
            surprise = F.cross_entropy(logits, labels, reduction="none")
            loss = loss + 0.05 * (weights[named] * surprise).mean()
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
        logits = critic(noised.to(config.device))
        return F.cross_entropy(logits, labels[rows].to(config.device), label_smoothing=0.05)

    fit(
        "critic",
        nn.ModuleDict({"critic": critic}),
        loss,
        FitSettings(
            num_steps=config.critic_steps,
            learning_rate=3e-3,
            folder=config.work,
            seed=config.seed + 6,
            device=config.device,
        ),
    )
    return critic
