"""The settings that open a diffusion model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genie_transforms import UserError
from index.device import AUTO, choose_device

from .samplers import SAMPLERS

if TYPE_CHECKING:
    from .family import Family


@dataclass(frozen=True, kw_only=True)
class WeightsConfig:
    """Which weights are opened, in which precision, and where they run.

    Attributes:
        model: Diffusers folder or hub id; empty for the demo's pipeline.
        revision: Revision of a hub model.
        variant: Weight variant of the model, such as fp16.
        dtype: Precision of the network.
        device: Where networks run: cpu, cuda, cuda:1, …; auto for the fastest there is.
        lora: Folder, file or hub id of LoRA weights.
    """

    model: str = ""
    revision: str | None = None
    variant: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = field(default=AUTO, metadata={"recipe": False})
    lora: str | None = None

    def open_family(self, default_model: Path, **options: Any) -> Family:
        """Open the model.

        Args:
            default_model: What is opened if `model` is empty.
            options: Further arguments of `load_family`.

        Raises:
            ModelError: The model does not exist, or cannot be used as asked.
        """
        from .families import load_family  # heavy, and the settings are also there for --help

        return load_family(
            self.model or str(default_model),
            revision=self.revision,
            variant=self.variant,
            dtype=self.dtype,
            device=choose_device(self.device),
            lora=self.lora,
            **options,
        )


@dataclass(frozen=True, kw_only=True)
class ModelConfig(WeightsConfig):
    """A diffusion model that makes images: its weights, its sampler, and what they cost.

    Attributes:
        channels_last: Keep activations with channels last.
        compile: Compile the denoiser; calls are filled up to the batch size.
        vae_slicing: Encode and decode images one by one, to save memory.
        vae_tiling: Encode and decode large images in tiles, to save memory.
        offload: Keep on the device only the network that runs, to save memory.
        safety_checker: Make again what the model's checker flags, if it has one.
        scheduler: dpm++, unipc, euler, euler_a, flow_euler, or model for the model's own; if not
            given, the paper's DPM-Solver++ for Stable Diffusion.
    """

    channels_last: bool = False
    compile: bool = False
    vae_slicing: bool = field(default=False, metadata={"recipe": False})
    vae_tiling: bool = False
    offload: bool = field(default=False, metadata={"recipe": False})
    safety_checker: Literal["on", "off"] = "on"
    scheduler: str | None = None

    def check_sampler(self) -> None:
        """Refuse a scheduler that no model could have.

        Raises:
            UserError: Names those that there are.
        """
        if self.scheduler not in {None, "model", *SAMPLERS, *SAMPLERS.values()}:
            raise UserError(
                f"scheduler must be one of {', '.join(SAMPLERS)} or model, got {self.scheduler!r}"
            )

    def open_family(self, default_model: Path, **options: Any) -> Family:
        """Open the model with its sampler, its checker and its switches (see the base class)."""
        from .speed import Switches

        switches = Switches(
            channels_last=self.channels_last,
            compile=self.compile,
            vae_slicing=self.vae_slicing,
            vae_tiling=self.vae_tiling,
            offload=self.offload,
        )
        return super().open_family(
            default_model,
            scheduler=self.scheduler,
            safety_checker=self.safety_checker == "on",
            switches=switches,
            **options,
        )
