"""The baseline of the sweep: one image-to-image call per image and noise ratio."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from index.diffusion import Family, Scheduler, with_timesteps
from index.diffusion.sampling import (
    SweepPair,
    SweepResult,
    SweepSettings,
    add_noise_exactly,
    first_index,
    gaussian,
    sweep,
    sweep_latents,
)


@dataclass(frozen=True)
class Job:
    """The input of either path.

    Attributes:
        family: The model.
        images: Sources, ``(S, 3, H, W)`` uint8.
        pairs: Their targets, noise ratios and seeds.
        settings: Steps and guidance.
    """

    family: Family
    images: Tensor
    pairs: list[SweepPair]
    settings: dict[str, Any]

    def sweep_in_batches(self, batch_size: int) -> SweepResult:
        """Make all pairs by the batched sweep."""
        settings = SweepSettings(batch_size=batch_size, **self.settings)
        return sweep(self.family, self.images, self.pairs, settings)

    @torch.no_grad()
    def sweep_unrounded(self, batch_size: int) -> list[Tensor]:
        """Make all pairs by the batched sweep, without rounding the pixels to bytes.

        Returns:
            For each pair ``(R, 3, H, W)`` float32, in [0, 1].
        """
        # On the grid, because diffusers cannot leave it.
        settings = SweepSettings(batch_size=batch_size, first_step="grid", **self.settings)
        latents = sweep_latents(self.family, self.images, self.pairs, settings)
        return [self.family.decode(part).cpu() for part in latents]


class OneByOne:
    """diffusers' own image-to-image pipeline on a family's modules, called as the authors do."""

    def __init__(self, job: Job) -> None:
        from diffusers import AutoPipelineForImage2Image

        self._job = job
        self.family = job.family
        pipeline: Any = AutoPipelineForImage2Image
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._pipe = pipeline.from_pipe(job.family.pipeline)
        self._pipe.set_progress_bar_config(disable=True)
        self._grid = with_timesteps(job.family.scheduler, job.settings["num_inference_steps"])

    def run(self) -> list[Tensor]:
        """Make all pairs; return ``(R, 3, H, W)`` float32 in [0, 1] for each."""
        return [
            torch.cat([self._one(pair, ratio) for ratio in pair.noise_ratios])
            for pair in self._job.pairs
        ]

    def _one(self, pair: SweepPair, ratio: float) -> Tensor:
        image = self._job.images[pair.source, None]
        steps = len(self._grid.timesteps)
        calls = steps - first_index(self._grid.timesteps, ratio)
        # diffusers turns `strength` back into a number of calls: SD 3 by truncating the steps that
        # it leaves out, the others by truncating those that they run. Half a step more or less
        # lands in the middle, so that no rounding error changes the number.
        half = -0.5 if self.family.flow else 0.5
        self._pipe.scheduler = with_timesteps(self.family.scheduler, steps)
        self._pipe.prepare_latents = self._encoder(self._grid, image, pair.seed, ratio)
        size = {"height": image.shape[2], "width": image.shape[3]} if self.family.flow else {}
        made: Tensor = self._pipe(
            prompt=pair.prompt,
            image=image / 255,
            strength=min((calls + half) / steps, 1.0) if calls < steps else 1.0,
            output_type="pt",
            **size,
            **self._job.settings,
        ).images
        return made.float().cpu()

    def _encoder(
        self, grid: Scheduler, image: Tensor, seed: int, ratio: float
    ) -> Callable[..., Tensor]:
        def prepare_latents(*_: Any, **__: Any) -> Tensor:
            clean = self.family.encode_images(image)
            eps = gaussian(clean.shape, seed).to(clean.device)
            return add_noise_exactly(grid, clean, eps, ratio).to(self.family.dtype)

        return prepare_latents
