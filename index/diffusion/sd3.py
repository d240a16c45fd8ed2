"""Stable Diffusion 3 and 3.5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .family import Conditioning, Family
from .schedulers import Scheduler
from .weights import ModelError


class StableDiffusion3(Family):
    """Stable Diffusion 3 and 3.5: a transformer that predicts the flow; T5 may be left out.

    `noise_ratio` r is the weight of the noise itself: z = (1 - r) z_0 + r epsilon, and the first
    timestep is 1000 r. It is *not* diffusers' `strength`, which is a fraction of the steps: the
    model's grid is shifted towards noise, so half the noise is only a quarter of the steps. With
    the 28 steps and the shift of 3 that the model is released with:

    =====================  ====  ====  ====  ====  ====  ====  ====  ====
    r                       .3    .4    .5    .6    .7    .8    .9    1
    first timestep          300   400   500   600   700   800   900   1000
    weight of the noise     .3    .4    .5    .6    .7    .8    .9    1
    network calls            4     5     7     9     12    16    21    28
    =====================  ====  ====  ====  ====  ====  ====  ====  ====

    Grid steps rarely fall on 1000 r, so the first one is moved there (see `sweep`, first_step).
    """

    name = "stable-diffusion-3"
    flow = True

    def __init__(
        self, pipeline: Any, identity: dict[str, Any], scheduler: str | None = None
    ) -> None:
        super().__init__(pipeline, identity, scheduler)
        self.default_guidance_scale = 7.0
        self.default_num_inference_steps = 28
        self.side_multiple *= int(self.denoiser.config.patch_size)

    @property
    def denoiser(self) -> Any:
        """The transformer."""
        return self.pipeline.transformer

    def default_scheduler(self, scheduler: Scheduler) -> Scheduler:
        """Keep the model's flow-matching sampler."""
        if scheduler.config.get("use_dynamic_shifting"):
            raise ModelError("schedules that shift with the resolution are not supported")
        return scheduler

    def encode_prompts(self, prompts: Sequence[str], *, negative: bool = False) -> Conditioning:
        """Encode P prompts to states ``(P, tokens, width)`` and pooled texts ``(P, width_2)``."""
        texts = list(prompts)
        states, _, pooled, _ = self.pipeline.encode_prompt(
            texts, texts, texts, device=self.device, do_classifier_free_guidance=False
        )
        return {"encoder_hidden_states": states, "pooled_projections": pooled}

    def predict(self, latents: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """Run the transformer, see `Family.predict`."""
        output: Tensor = self.denoiser(
            hidden_states=latents.to(self.dtype),
            timestep=timesteps,
            return_dict=False,
            **conditioning,
        )[0]
        return output.to(torch.float32)
