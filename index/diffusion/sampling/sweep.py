"""The batched sweep: all noise ratios of many pairs in one walk from noise to image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import torch
from torch import Tensor

from index.diffusion import IMAGE_ROWS, Family, Scheduler, with_timesteps

from .denoise import Batch, Guidance, StageTimer, denoise
from .noise import PURE_NOISE, pair_noise, start_timestep
from .seeds import derived_seed
from .solver import FirstStep, Solver, add_noise_exactly
from .trajectories import StartGroup, SweepPair, group_by_first_step, ungroup

Noise = Literal["coupled", "independent"]


T = TypeVar("T")


_FLAT, _BLACK = 1e-3, 2 / 255


FLAGGED = "flagged by the safety checker"


@dataclass(frozen=True)
class SweepResult:
    """What a sweep made.

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
    *,
    num_inference_steps: int = 50,
    guidance_scale: float = 7.5,
    negative_prompt: str = "",
    noise: Noise = "coupled",
    batch_size: int = 64,
    first_step: FirstStep = "auto",
) -> SweepResult:
    """Generate every pair at every of its noise ratios.

    A trajectory joins the walk when the grid reaches its first step; one network call serves all
    rows that are under way. Every row has its own noise and its own solver state, so its image
    does not depend on what else is in the batch.

    Args:
        family: The model.
        images: Sources at the working resolution, ``(S, 3, H, W)`` uint8.
        pairs: What to make of them.
        num_inference_steps: Steps of the grid from r = 1.
        guidance_scale: Classifier-free guidance; at most 1 means none and halves the rows.
        negative_prompt: What guidance moves away from.
        noise: One noise for all r of a pair ("coupled"), or one for each.
        batch_size: Rows of one network call at most; does not change the images.
        first_step: "grid" is the authors' recipe: noise at 1000 r, first step at the noisiest grid
            step not above 1000 r + 1. "exact" moves that first step to 1000 r, so that the network
            is told the true noise. "auto" moves it where the two differ by more than one timestep,
            which never happens with 50 even steps and r a multiple of 0.02.

    Raises:
        ValueError: Images, pairs or counts that cannot be swept.
    """
    meter = StageTimer(family.device)
    latents = sweep_latents(
        family,
        images,
        pairs,
        num_inference_steps=num_inference_steps,
        guidance_scale=guidance_scale,
        negative_prompt=negative_prompt,
        noise=noise,
        batch_size=batch_size,
        first_step=first_step,
        meter=meter,
    )
    if not pairs:
        return SweepResult([], meter.rows, meter.seconds)
    with meter.stage("decode"):
        pictures, reasons = _decode(family, torch.cat(latents), batch_size)
    rows = [(pair, index) for pair, part in enumerate(latents) for index in range(len(part))]
    failures = {row: reason for row, reason in zip(rows, reasons, strict=True) if reason}
    per_pair = list(torch.split(pictures, [len(part) for part in latents]))
    return SweepResult(per_pair, meter.rows, meter.seconds, failures)


@torch.no_grad()
def sweep_latents(
    family: Family,
    images: Tensor,
    pairs: Sequence[SweepPair],
    *,
    num_inference_steps: int = 50,
    guidance_scale: float = 7.5,
    negative_prompt: str = "",
    noise: Noise = "coupled",
    batch_size: int = 64,
    first_step: FirstStep = "auto",
    meter: StageTimer | None = None,
) -> list[Tensor]:
    """Run a sweep up to the final latents, before decoding; see `sweep`.

    Returns:
        For each pair ``(R, C, h, w)`` float32, on the family's device.
    """
    meter = meter or StageTimer(family.device)
    shape = family.latent_shape(images)
    _check(pairs, len(images), num_inference_steps, batch_size)
    if not pairs:
        return []
    grid = with_timesteps(family.scheduler, num_inference_steps)
    # Planned before anything is encoded, so that an impossible ratio fails at once.
    plan = group_by_first_step(pairs, grid.timesteps, first_step)
    with meter.stage("encode"):
        clean = _encode_sources(family, images, pairs, batch_size)
    texts = sorted({pair.prompt for pair in pairs})
    scale = guidance_scale if guidance_scale > 1 else None
    with meter.stage("prompts"):
        guide = Guidance(_encode_prompts(family, texts, negative_prompt, scale, batch_size), scale)
    with meter.stage("step"):
        blank = torch.zeros(shape, device=family.device)
        groups = [
            Batch(
                _solver(grid, party, pairs, clean, blank, noise),
                torch.tensor([texts.index(pairs[row.pair].prompt) for row in party.rows]),
            )
            for party in plan
        ]
    denoise(family, groups, guide, num_inference_steps, batch_size, meter)
    return ungroup(pairs, plan, [group.solver.latents for group in groups])


def _check(
    pairs: Sequence[SweepPair], num_images: int, num_inference_steps: int, batch_size: int
) -> None:
    for name, count in (("num_inference_steps", num_inference_steps), ("batch_size", batch_size)):
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    for pair in pairs:
        if not 0 <= pair.source < num_images:
            raise ValueError(f"source {pair.source} is not one of the {num_images} images")


def _encode_sources(
    family: Family, images: Tensor, pairs: Sequence[SweepPair], batch_size: int
) -> dict[int, Tensor]:
    """Encode each source that shows through any of its noise once, ``(C, h, w)`` each."""
    used = sorted({p.source for p in pairs if p.noise_ratios[0] <= PURE_NOISE})
    if not used:
        return {}
    size = max(1, batch_size // IMAGE_ROWS)
    latents = torch.cat([family.encode_images(images[rows]) for rows in _chunks(used, size)])
    return dict(zip(used, latents, strict=True))


def _encode_prompts(
    family: Family, texts: list[str], negative_prompt: str, scale: float | None, batch_size: int
) -> dict[str, Tensor]:
    """Encode each prompt once and, with guidance, the negative one behind them."""
    parts = [family.encode_prompts(chunk) for chunk in _chunks(texts, batch_size)]
    if scale is not None:
        parts.append(family.encode_prompts([negative_prompt], negative=True))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _chunks(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _solver(
    grid: Scheduler,
    party: StartGroup,
    pairs: Sequence[SweepPair],
    clean: dict[int, Tensor],
    blank: Tensor,
    noise: Noise,
) -> Solver:
    """Hide the sources of one party under their noise."""
    coupled = noise == "coupled"
    latents, seeds = [], []
    for row in party.rows:
        pair = pairs[row.pair]
        eps = pair_noise(blank.shape, pair.seed, row.ratio, coupled=coupled).to(blank.device)
        latents.append(add_noise_exactly(grid, clean.get(pair.source, blank), eps, row.ratio))
        own = derived_seed(pair.seed, "ratio", start_timestep(row.ratio))
        seeds.append(pair.seed if coupled else own)
    return Solver(grid, party.begin, torch.stack(latents), seeds, party.exact_ratio)


def _decode(family: Family, latents: Tensor, batch_size: int) -> tuple[Tensor, list[str | None]]:
    """Decode ``(B, C, h, w)`` to ``(B, 3, H, W)`` uint8 on the CPU, and say what failed."""
    pictures: list[Tensor] = []
    reasons: list[str | None] = []
    for part in torch.split(latents, max(1, batch_size // IMAGE_ROWS)):
        decoded = family.decode(part).cpu()
        pictures.append((decoded.nan_to_num(0.0) * 255).round().to(torch.uint8))
        for picture, flag in zip(decoded, family.flagged(pictures[-1]), strict=True):
            reasons.append(failure(picture) or (FLAGGED if flag else None))
    return torch.cat(pictures), reasons


def failure(picture: Tensor) -> str | None:
    """Say why a picture must not be used, if so.

    Args:
        picture: ``(3, H, W)`` float32 in [0, 1] or not finite.
    """
    if not bool(picture.isfinite().all()):
        return "not finite"
    if float(picture.max()) <= _BLACK:
        return "black"
    return "flat" if float(picture.std()) < _FLAT else None
