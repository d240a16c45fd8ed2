"""The batched sweep: all noise ratios of many pairs in one walk from noise to image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from index.diffusion import IMAGE_ROWS, Conditioning, Family, Scheduler, with_timesteps

from .config import DEFAULTS, SweepSettings
from .denoise import Batch, Denoiser, Guidance, StageTimer, denoise
from .noise import PURE_NOISE, pair_noise, start_timestep
from .seeds import derived_seed
from .solver import Solver, add_noise_exactly
from .trajectories import StartGroup, SweepPair, group_by_first_step, ungroup

T = TypeVar("T")

_FLAT, _BLACK = 1e-3, 2 / 255
"""Standard deviation and greatest value, in [0, 1], below which an image shows nothing."""

FLAGGED = "flagged by the safety checker"


@dataclass(frozen=True)
class SweepResult:
    """What a sweep generated.

    Attributes:
        images: For each pair ``(R, 3, H, W)`` uint8, on the CPU.
        network_rows: Rows that went through the UNet or transformer, guidance counted.
        seconds: Wall time of each of `STAGES`.
        failures: (pair, index of r) -> why its image must not be used: "not finite",
            "black", "flat" or "flagged by the safety checker".
    """

    images: list[Tensor]
    network_rows: int
    seconds: dict[str, float]
    failures: dict[tuple[int, int], str] = field(default_factory=dict)


@torch.no_grad()
def sweep(
    family: Family,
    images: Tensor,
    pairs: Sequence[SweepPair],
    settings: SweepSettings = DEFAULTS,
) -> SweepResult:
    """Generate every pair at every of its noise ratios.

    A trajectory joins the walk when the grid reaches its first step; one network call serves all
    rows that are under way. Every row has its own noise and its own solver state, so its image
    does not depend on what else is in the batch.

    Args:
        family: The model.
        images: Sources at the working resolution, ``(S, 3, H, W)`` uint8.
        pairs: What to generate from them.
        settings: Steps, guidance, noise and batch size.

    Raises:
        ValueError: Images of another type or shape, or a pair without a source among them.
        UserError: The model cannot take the images' sides, or a noise ratio runs no step.
    """
    timer = StageTimer(family.device)
    latents = sweep_latents(family, images, pairs, settings, timer)
    if not pairs:
        return SweepResult([], timer.rows, timer.seconds)
    with timer.stage("decode"):
        decoded, reasons = _decode(family, torch.cat(latents), settings.batch_size)
    rows = [(pair, index) for pair, part in enumerate(latents) for index in range(len(part))]
    failures = {row: reason for row, reason in zip(rows, reasons, strict=True) if reason}
    per_pair = list(torch.split(decoded, [len(part) for part in latents]))
    return SweepResult(per_pair, timer.rows, timer.seconds, failures)


@torch.no_grad()
def sweep_latents(
    family: Family,
    images: Tensor,
    pairs: Sequence[SweepPair],
    settings: SweepSettings = DEFAULTS,
    timer: StageTimer | None = None,
) -> list[Tensor]:
    """Run a sweep up to the final latents, before decoding; see `sweep`.

    Returns:
        For each pair ``(R, C, h, w)`` float32, on the family's device.
    """
    timer = timer or StageTimer(family.device)
    shape = family.latent_shape(images)
    for pair in pairs:
        if not 0 <= pair.source < len(images):
            raise ValueError(f"source {pair.source} is not one of the {len(images)} images")
    if not pairs:
        return []
    grid = with_timesteps(family.scheduler, settings.num_inference_steps)
    # Grouped before anything is encoded, so that an impossible ratio fails at once.
    groups = group_by_first_step(pairs, grid.timesteps, settings.first_step)
    with timer.stage("encode"):
        clean = _encode_sources(family, images, pairs, settings.batch_size)
    prompts = sorted({pair.prompt for pair in pairs})
    with timer.stage("prompts"):
        conditioning = _encode_prompts(family, prompts, settings)
        guidance = Guidance(conditioning, settings.guidance, settings.guidance_interval)
    with timer.stage("step"):
        blank = torch.zeros(shape, device=family.device)
        batches = [
            Batch(
                _hide(grid, group, pairs, clean, blank, coupled=settings.noise == "coupled"),
                torch.tensor([prompts.index(pairs[row.pair].prompt) for row in group.rows]),
            )
            for group in groups
        ]
    denoiser = Denoiser(family, guidance, settings.batch_size, timer)
    denoise(denoiser, batches, settings.num_inference_steps)
    return ungroup(pairs, groups, [batch.solver.latents for batch in batches])


def _encode_sources(
    family: Family, images: Tensor, pairs: Sequence[SweepPair], batch_size: int
) -> dict[int, Tensor]:
    """Encode each source that shows through any of its noise once, ``(C, h, w)`` each."""
    # Ratios rise: a pair whose first one is pure noise never looks at its source.
    used = sorted({pair.source for pair in pairs if pair.noise_ratios[0] <= PURE_NOISE})
    if not used:
        return {}
    size = max(1, batch_size // IMAGE_ROWS)
    latents = torch.cat([family.encode_images(images[rows]) for rows in _chunks(used, size)])
    return dict(zip(used, latents, strict=True))


def _encode_prompts(family: Family, prompts: list[str], settings: SweepSettings) -> Conditioning:
    """Encode each prompt once and, with guidance, the negative one behind them."""
    parts = [family.encode_prompts(chunk) for chunk in _chunks(prompts, settings.batch_size)]
    if settings.guidance is not None:
        parts.append(family.encode_prompts([settings.negative_prompt], negative=True))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _chunks(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _hide(
    grid: Scheduler,
    group: StartGroup,
    pairs: Sequence[SweepPair],
    clean: dict[int, Tensor],
    blank: Tensor,
    *,
    coupled: bool,
) -> Solver:
    """Hide the sources of one group under their noise, ready for its first step.

    Args:
        grid: Scheduler with its timesteps laid out.
        group: Trajectories that start together.
        pairs: What they index.
        clean: Latents ``(C, h, w)`` of the sources that show through, by row of the images.
        blank: Zeros ``(C, h, w)``, in place of a source that does not.
        coupled: See `noise.pair_noise`.
    """
    latents, seeds = [], []
    for row in group.rows:
        pair = pairs[row.pair]
        # Drawn row by row, each from its own seed: drawn for the batch at once, a row's noise
        # would depend on what stands before it.
        noise = pair_noise(blank.shape, pair.seed, row.ratio, coupled=coupled).to(blank.device)
        latents.append(add_noise_exactly(grid, clean.get(pair.source, blank), noise, row.ratio))
        # Coupled trajectories also share what a stochastic sampler adds on the way.
        own = derived_seed(pair.seed, "ratio", start_timestep(row.ratio))
        seeds.append(pair.seed if coupled else own)
    return Solver(grid, group.begin, torch.stack(latents), seeds, group.exact_ratio)


def _decode(family: Family, latents: Tensor, batch_size: int) -> tuple[Tensor, list[str | None]]:
    """Decode ``(B, C, h, w)`` to ``(B, 3, H, W)`` uint8 on the CPU, and say what failed."""
    images: list[Tensor] = []
    reasons: list[str | None] = []
    for part in torch.split(latents, max(1, batch_size // IMAGE_ROWS)):
        decoded = family.decode(part).cpu()
        # NaN becomes black only in the bytes; `failure` still sees it and says so.
        images.append((decoded.nan_to_num(0.0) * 255).round().to(torch.uint8))
        for image, flag in zip(decoded, family.flagged(images[-1]), strict=True):
            reasons.append(failure(image) or (FLAGGED if flag else None))
    return torch.cat(images), reasons


def failure(image: Tensor) -> str | None:
    """Say why an image must not be used; ``None`` if nothing is wrong.

    Args:
        image: ``(3, H, W)`` float32 in [0, 1] or not finite.
    """
    if not bool(image.isfinite().all()):
        return "not finite"
    if float(image.max()) <= _BLACK:
        return "black"
    return "flat" if float(image.std()) < _FLAT else None
