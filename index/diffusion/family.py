"""What a family of diffusion models does: encode, predict, decode."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from genie_transforms import UserError

from .schedulers import Scheduler, is_flow, scheduler_class
from .weights import ModelError

Conditioning = dict[str, Tensor]
"""What the network is told about prompts: named tensors with one row for each prompt."""


IMAGE_ROWS = 8
"""The decoder holds about as many activations for one image as the network for this many rows."""


_CHECKER_LOG = "diffusers.pipelines.stable_diffusion.safety_checker"


class Family(ABC):
    """A text-to-image model seen as: images to latents, prompts to conditioning, predict, decode.

    Args:
        pipeline: Opened diffusers pipeline.
        identity: What `fingerprint` reports about the weights.
        scheduler: Short name or class name of a scheduler; ``None`` for the family's default,
            ``"model"`` for the one that the model comes with.

    Attributes:
        name: Name of the family.
        resolution: Native side of the square image, in pixels.
        max_tokens: Length of the prompt that the text encoder reads, with its two marks.
        default_guidance_scale: Guidance that the model is meant for; at most 1 means none.
        default_num_inference_steps: Steps of the whole denoising.
        flow: The model predicts a flow and wants a flow-matching scheduler.
        side_multiple: Sides of images must be multiples of this, in pixels.
        fixed_rows: All network calls want the same number of rows, as compiled code does.
        most_rows: Rows of a network call that are known to fit, once more did not.
        offload_device: Where the networks run, one at a time, if they wait in main memory.
    """

    name: ClassVar[str]
    flow: ClassVar[bool] = False

    def __init__(
        self, pipeline: Any, identity: dict[str, Any], scheduler: str | None = None
    ) -> None:
        self.pipeline = pipeline
        self.vae = pipeline.vae
        self.default_guidance_scale = 7.5
        self.default_num_inference_steps = 50
        self.fixed_rows = False
        self.most_rows: int | None = None
        self.offload_device: torch.device | None = None
        if self.vae.config.get("latents_mean") or self.vae.config.get("latents_std"):
            raise ModelError(
                "the autoencoder has a mean and deviation for each channel of its latents "
                "(latents_mean, latents_std), which is not known here: use another model"
            )
        self._identity = identity
        self.scheduler = self._choose_scheduler(scheduler)
        self.max_tokens = int(pipeline.tokenizer.model_max_length)
        self.vae_factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.side_multiple = self.vae_factor
        self.resolution = int(self.denoiser.config.sample_size) * self.vae_factor

    @property
    @abstractmethod
    def denoiser(self) -> Any:
        """The UNet or transformer."""

    @abstractmethod
    def encode_prompts(self, prompts: Sequence[str], *, negative: bool = False) -> Conditioning:
        """Encode P prompts.

        Args:
            prompts: P texts; tokens beyond `max_tokens` are cut off.
            negative: They are what guidance moves away from.

        Returns:
            Tensors whose first dimension is P.
        """

    @abstractmethod
    def predict(self, latents: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """Run the network once.

        Args:
            latents: ``(B, C, h, w)`` float32, as the solver hands them out.
            timesteps: ``(B,)`` float32, in [0, 1000); rows may differ.
            conditioning: Tensors of B rows.

        Returns:
            What the model predicts (noise, velocity, flow), ``(B, C, h, w)`` float32.
        """

    def default_scheduler(self, scheduler: Scheduler) -> Scheduler:
        """Choose the family's sampler, given the one that the model comes with."""
        return scheduler

    def _choose_scheduler(self, choice: str | None) -> Scheduler:
        own = self.pipeline.scheduler
        if not self.flow and not hasattr(own, "alphas_cumprod"):
            raise ModelError(
                f"{self.name} is noised here by a schedule of betas, which the model's own "
                f"{type(own).__name__} does not have: use a model that does"
            )
        if choice is None:
            chosen = self.default_scheduler(own)
        elif choice == "model":
            chosen = own
        else:
            chosen = scheduler_class(choice).from_config(own.config)
        known = scheduler_class(type(chosen).__name__)  # refuses what cannot be joined in mid-grid
        if is_flow(chosen) != self.flow:
            kind = "flow matching" if self.flow else "noise or velocity prediction"
            raise ModelError(
                f"{self.name} is a model for {kind}: {known.__name__} is not a scheduler for it"
            )
        return chosen

    @property
    def device(self) -> torch.device:
        """Where the networks run."""
        device: torch.device = self.offload_device or self.denoiser.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the denoiser."""
        dtype: torch.dtype = self.denoiser.dtype
        return dtype

    def latent_shape(self, images: Tensor) -> tuple[int, int, int]:
        """Compute ``(C, h, w)`` of the latents of `images`.

        Raises:
            ValueError: `images` is not a uint8 batch ``(N, 3, H, W)``.
            UserError: The model cannot take their sides.
        """
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(
                f"images must be uint8 of shape (N, 3, H, W), got {images.dtype} "
                f"{tuple(images.shape)}"
            )
        height, width = images.shape[2:]
        if height % self.side_multiple or width % self.side_multiple:
            raise UserError(
                f"sides must be multiples of {self.side_multiple} for this model, got "
                f"{height} x {width}"
            )
        channels = int(self.vae.config.latent_channels)
        return channels, height // self.vae_factor, width // self.vae_factor

    def encode_images(self, images: Tensor) -> Tensor:
        """Encode images to the mode of the autoencoder's posterior, scaled.

        Args:
            images: ``(N, 3, H, W)`` uint8.

        Returns:
            ``(N, C, h, w)`` float32, on the family's device.
        """
        pixels = images.to(self.device, self.vae.dtype) / 255 * 2 - 1
        # The mode, not a sample, as the authors: the same source always has the same latents.
        mode: Tensor = self.vae.encode(pixels).latent_dist.mode().float()
        config = self.vae.config
        latents: Tensor = (mode - (config.shift_factor or 0.0)) * config.scaling_factor
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents ``(N, C, h, w)`` to images ``(N, 3, H, W)``, float32 in [0, 1] or NaN."""
        config = self.vae.config
        scaled = latents / config.scaling_factor + (config.shift_factor or 0.0)
        pixels: Tensor = self.vae.decode(scaled.to(self.vae.dtype)).sample.float()
        return (pixels / 2 + 0.5).clamp(0, 1)

    @property
    def safety_checker(self) -> Any:
        """The pipeline's safety checker; ``None`` if it has none or was opened without."""
        return getattr(self.pipeline, "safety_checker", None)

    def flagged(self, images: Tensor) -> list[bool]:
        """Ask the safety checker about images, ``(N, 3, H, W)`` uint8; without one all is fine."""
        if self.safety_checker is None:
            return [False] * len(images)
        decoded = [VF.to_pil_image(image) for image in images]
        inputs = self.pipeline.feature_extractor(decoded, return_tensors="pt").pixel_values
        # It blanks the images that it flags, and logs so. Only its verdict is wanted here, so it
        # gets empty ones to blank.
        logging.getLogger(_CHECKER_LOG).setLevel(logging.ERROR)
        _, flags = self.safety_checker(
            images=torch.zeros(len(images), 1),
            clip_input=inputs.to(self.device, self.safety_checker.dtype),
        )
        return [bool(flag) for flag in flags]

    def num_tokens(self, prompt: str) -> int:
        """Count the tokens of a prompt with its two marks; above `max_tokens` it is cut off."""
        # verbose=False: a long prompt is what we ask about, not something to be warned of.
        return len(self.pipeline.tokenizer(prompt, truncation=False, verbose=False)["input_ids"])

    def check_prompts(self, prompts: Sequence[str]) -> None:
        """Refuse prompts that the text encoder would cut off.

        Raises:
            UserError: One is too long; names it and its number of tokens.
        """
        for prompt in prompts:
            count = self.num_tokens(prompt)
            if count > self.max_tokens:
                raise UserError(
                    f"prompt {prompt!r} has {count} tokens, the model reads {self.max_tokens}: "
                    "shorten it"
                )

    def fingerprint(self) -> dict[str, Any]:
        """Describe all that decides this model's images, ready for JSON."""
        config = {k: v for k, v in dict(self.scheduler.config).items() if k[0] != "_"}
        return {
            **self._identity,
            "family": self.name,
            "dtype": str(self.dtype).removeprefix("torch."),
            "scheduler": {"class": type(self.scheduler).__name__, **config},
            "safety_checker": self.safety_checker is not None,
        }
