"""Stable Diffusion XL and SDXL-Turbo."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .family import Conditioning, Family
from .schedulers import Scheduler, paper_sampler
from .weights import ModelError


class StableDiffusionXL(Family):
    """Stable Diffusion XL: two text encoders, and a UNet that is told the image's size.

    SDXL itself is run like Stable Diffusion 1.x. SDXL-Turbo, recognised by its name or by its
    sampler (Euler ancestral, trailing steps), keeps that sampler and runs 10 steps without
    guidance, as in the paper. There, r counts noise and not diffusers' `strength`; with 10 trailing
    steps the two agree at r = .1, .2, … 1:

    =====================  ====  ====  ====  ====  ====  ====  ====  ====
    r                       .3    .4    .5    .6    .7    .8    .9    1
    first timestep          299   399   499   599   699   799   899   999
    weight of the noise    .640  .759  .851  .916  .958  .981  .993    1
    network calls            3     4     5     6     7     8     9     10
    =====================  ====  ====  ====  ====  ====  ====  ====  ====

    Sources of another shape than the model's native square are described to it as they are.
    """

    name = "stable-diffusion-xl"

    def __init__(
        self, pipeline: Any, identity: dict[str, Any], scheduler: str | None = None
    ) -> None:
        self.turbo = is_turbo(str(identity.get("model")), pipeline.scheduler)
        super().__init__(pipeline, identity, scheduler)
        self.default_guidance_scale = 0.0 if self.turbo else 5.0
        self.default_num_inference_steps = 10 if self.turbo else 50
        if pipeline.config.get("requires_aesthetics_score"):
            raise ModelError("SDXL's refiner cannot make an image of another class: use the base")
        if self.vae.config.force_upcast and self.vae.dtype == torch.float16:
            self.vae.to(torch.float32)  # its activations overflow in half precision

    @property
    def denoiser(self) -> Any:
        """The UNet."""
        return self.pipeline.unet

    def default_scheduler(self, scheduler: Scheduler) -> Scheduler:
        """Keep the sampler that Turbo was distilled for; otherwise choose the paper's."""
        return scheduler if self.turbo else paper_sampler(scheduler)

    def encode_prompts(self, prompts: Sequence[str], *, negative: bool = False) -> Conditioning:
        """Encode P prompts to states ``(P, tokens, width)`` and pooled texts ``(P, width_2)``.

        SDXL's empty negative prompt is zeros, not the encoding of "", where the model says so.
        """
        states, _, pooled, _ = self.pipeline.encode_prompt(
            list(prompts), device=self.device, do_classifier_free_guidance=False
        )
        if negative and not any(prompts) and self.pipeline.config.force_zeros_for_empty_prompt:
            states, pooled = torch.zeros_like(states), torch.zeros_like(pooled)
        return {"encoder_hidden_states": states, "text_embeds": pooled}

    def predict(self, latents: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """Run the UNet, see `Family.predict`."""
        height, width = (side * self.vae_factor for side in latents.shape[2:])
        # Original size, corner of the crop, target size.
        size = torch.tensor([height, width, 0, 0, height, width], dtype=self.dtype)
        added = {
            "text_embeds": conditioning["text_embeds"],
            "time_ids": size.to(latents.device).expand(len(latents), -1),
        }
        output: Tensor = self.denoiser(
            latents.to(self.dtype),
            timesteps,
            encoder_hidden_states=conditioning["encoder_hidden_states"],
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        return output.to(torch.float32)


def is_turbo(model: str, scheduler: Scheduler) -> bool:
    """Tell whether a model is distilled for few steps without guidance."""
    ancestral = type(scheduler).__name__ == "EulerAncestralDiscreteScheduler"
    trailing = scheduler.config.get("timestep_spacing") == "trailing"
    words = re.split(r"[\W_]+", model.lower().rstrip("/").split("/")[-1])
    return "turbo" in words or (ancestral and trailing)
