"""Memory and speed switches, and the batch size that fits."""

from __future__ import annotations

from dataclasses import dataclass

import torch

# Private, but the only place of the switch that `_compile` sets.
import torch._inductor.config as inductor
from accelerate.utils import find_executable_batch_size
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

from .family import IMAGE_ROWS, Family
from .weights import ModelError

_TRIED_ON_CPU, _TRIED = 64, 512
"""Rows that are tried first: beyond the first, a processor only loses its caches."""


_FEW_TOKENS = 1024
"""Positions of a latent up to which matrices of attention stay small."""


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What trades memory, speed and start-up time against each other.

    Attributes:
        channels_last: Keep activations with channels last, which tensor cores like.
        compile: Compile the denoiser (`torch.compile`), once for one size of call: calls are
            filled up to the batch size.
        vae_slicing: Encode and decode images one by one.
        vae_tiling: Encode and decode large images in tiles, whose seams are blended.
        offload: Keep networks in main memory, and on the device only the one that runs.
    """

    channels_last: bool = False
    compile: bool = False
    vae_slicing: bool = False
    vae_tiling: bool = False
    offload: bool = False

    def check(self, device: str) -> None:
        """Refuse what a device cannot do, before any weight is read.

        Raises:
            ModelError: There is nothing to offload from.
        """
        if self.offload and torch.device(device).type == "cpu":
            raise ModelError("offload moves networks between an accelerator and main memory: "
                             "it does nothing with --device cpu")  # fmt: skip


def apply_switches(family: Family, switches: Switches, device: torch.device) -> None:
    """Bring a model to its device and set its switches."""
    if switches.channels_last:
        for module in (family.denoiser, family.vae):
            module.to(memory_format=torch.channels_last)
    if switches.vae_slicing:
        family.vae.enable_slicing()
    if switches.vae_tiling:
        family.vae.enable_tiling()
    if switches.offload:
        family.pipeline.enable_model_cpu_offload(device=device)
        family.offload_device = device
    else:
        family.pipeline.to(device)
    if switches.compile:
        _compile(family, device)


def _compile(family: Family, device: torch.device) -> None:
    """Compile the denoiser for calls of one size."""
    denoiser = family.denoiser
    if device.type == "cpu":
        # Weights never change here, so they may be packed for a processor's kernels for good.
        # Tracing asks the global setting only: as an option of `compile` it would do nothing.
        inductor.freezing = True
        small = int(denoiser.config.sample_size) ** 2 <= _FEW_TOKENS
        if small and isinstance(denoiser, UNet2DConditionModel):
            # The fused kernel is slow for short sequences, and cannot be fused with its neighbours.
            denoiser.set_attn_processor(AttnProcessor())
    denoiser.requires_grad_(False)
    denoiser.compile(dynamic=False)
    family.fixed_rows = True


def find_batch_size(family: Family, side: int, most: int | None = None) -> int:
    """Find how many rows of one network call fit into memory, by trying.

    One call of the network, and a decoding of as many images as a sweep decodes at once, are run
    with ever fewer rows until they fit (`accelerate.utils.find_executable_batch_size`).

    Args:
        family: The model.
        side: Side of the images, in pixels.
        most: Rows to try first; by default 64 on a processor and 512 elsewhere.

    Raises:
        ModelError: Not even one row fits.
    """

    @torch.no_grad()
    def attempt(batch_size: int) -> int:
        prompt = family.encode_prompts([""])
        shape = family.latent_shape(torch.zeros(1, 3, side, side, dtype=torch.uint8))
        latents = torch.zeros(batch_size, *shape, device=family.device)
        timesteps = torch.full((batch_size,), 500.0, device=family.device)
        rows = torch.zeros(batch_size, dtype=torch.long, device=family.device)
        family.predict(latents, timesteps, {name: value[rows] for name, value in prompt.items()})
        family.decode(latents[: max(1, batch_size // IMAGE_ROWS)])
        return batch_size

    first = most or (_TRIED_ON_CPU if family.device.type == "cpu" else _TRIED)
    try:
        return int(find_executable_batch_size(attempt, starting_batch_size=first)())
    except RuntimeError as error:
        # accelerate raises its own failure as a bare RuntimeError; others are not ours to explain.
        if "No executable batch size" not in str(error):
            raise
        raise ModelError(
            f"not even one row of {side} px fits into the memory of {family.device}: try --dtype "
            "float16, --vae-tiling, --offload or a smaller --resolution"
        ) from error
