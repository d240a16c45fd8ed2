"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from genie_transforms import UserError
from index.kinds import check_range

LEAST_STEPS = 11
"""Of fewer, the rising tenth of the learning rate would have no step."""


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """Train a small pipeline and its oracle, in stages.

    Attributes:
        out: Folder that receives `pipeline/`, `oracle.safetensors` and `train.json`.
        work: Folder of checkpoints; delete it to start again.
        vae_factor: Height and width of images over those of latents. With 2, images of 32 pixels
            have latents 4 x 16 x 16, which hold more detail and take more time.
        vae_steps: Optimiser steps of the autoencoder.
        decoder_steps: Further steps of its decoder alone, on the modes of the posterior.
        unet_steps: Optimiser steps of the denoiser.
        critic_steps: Optimiser steps of the classifier of latents that its last stage listens to.
        classes_steps: Optimiser steps of that last stage; 0 for none, and no critic.
        oracle_steps: Optimiser steps of the oracle.
        equivariance: Weight with which latents of half the size must decode to the image of half
            the size, which makes them smooth.
        min_snr: Levels of noise with an SNR above this count less (Hang et al. 2023, gamma); none
            do if it is not given.
        seed: Seed of images, weights and batches.
        device: Where pipeline and oracle are trained: cpu, cuda, … or auto. Draws are the
            processor's everywhere, but a GPU rounds otherwise, and trains in bfloat16 if it can.
    """

    out: Path
    work: Path
    vae_factor: Literal[2, 4] = 4
    vae_steps: int = 1800
    decoder_steps: int = 1500
    unet_steps: int = 11_000
    critic_steps: int = 1000
    classes_steps: int = 2000
    oracle_steps: int = 1200
    equivariance: float = 0.0
    min_snr: float | None = None
    seed: int = 0
    device: str = field(default="cpu", metadata={"recipe": False})

    def __post_init__(self) -> None:
        if self.vae_factor not in (2, 4):
            raise UserError(f"vae_factor must be 2 or 4, got {self.vae_factor}")
        stages = [one.name for one in fields(self) if one.name.endswith("_steps")]
        if self.classes_steps == 0:
            stages = [name for name in stages if name not in ("critic_steps", "classes_steps")]
        check_range(self, stages, LEAST_STEPS)
        check_range(self, ["equivariance"], 0)
        if self.min_snr is not None and not self.min_snr > 0:
            raise UserError(f"min_snr must be above 0, got {self.min_snr}")
