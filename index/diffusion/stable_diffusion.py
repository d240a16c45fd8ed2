"""Stable Diffusion 1.x and 2.x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .family import Conditioning, Family
from .schedulers import Scheduler, paper_sampler


class StableDiffusion(Family):
    """Stable Diffusion 1.x and 2.x: a UNet that predicts the noise or the velocity.

    `noise_ratio` r: the source is hidden as z_t = sqrt(abar_t) z_0 + sqrt(1 - abar_t) epsilon at
    t = 1000 r. With 50 steps and Stable Diffusion's betas (GeNIe, section 4 and the authors' code):

    =====================  ====  ====  ====  ====  ====  ====  ====  ====
    r                       .3    .4    .5    .6    .7    .8    .9    1
    first timestep          300   400   500   599   699   799   899   999
    weight of the noise    .640  .759  .851  .916  .958  .981  .993    1
    network calls           15    20    25    30    35    40    45    50
    =====================  ====  ====  ====  ====  ====  ====  ====  ====
    """

    name = "stable-diffusion"

    @property
    def denoiser(self) -> Any:
        """The UNet."""
        return self.pipeline.unet

    def default_scheduler(self, scheduler: Scheduler) -> Scheduler:
        """Choose the paper's sampler whatever the model comes with."""
        return paper_sampler(scheduler)

    def encode_prompts(self, prompts: Sequence[str], *, negative: bool = False) -> Conditioning:
        """Encode P prompts to ``{"encoder_hidden_states": (P, tokens, width)}``."""
        states, _ = self.pipeline.encode_prompt(list(prompts), self.device, 1, False)
        return {"encoder_hidden_states": states}

    def predict(self, latents: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """Run the UNet, see `Family.predict`."""
        output: Tensor = self.denoiser(
            latents.to(self.dtype), timesteps, return_dict=False, **conditioning
        )[0]
        return output.to(torch.float32)
