"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from index.kinds import check_range

LEAST_STEPS = 11
"""Of fewer, the rising tenth of the learning rate would have no step."""


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """Train a small pipeline and its oracle, in stages.

    Attributes:
        out: Folder that receives `pipeline/`, `oracle.safetensors` and `train.json`.
        work: Folder of checkpoints; delete it to start again.
        vae_steps: Optimiser steps of the autoencoder.
        decoder_steps: Further steps of its decoder alone, on the modes of the posterior.
        unet_steps: Optimiser steps of the denoiser.
        critic_steps: Optimiser steps of the classifier of latents that its last stage listens to.
        classes_steps: Optimiser steps of that last stage.
        oracle_steps: Optimiser steps of the oracle.
        seed: Seed of images, weights and batches.
    """

    out: Path
    work: Path
    vae_steps: int = 1800
    decoder_steps: int = 1500
    unet_steps: int = 11_000
    critic_steps: int = 1000
    classes_steps: int = 2000
    oracle_steps: int = 1200
    seed: int = 0

    def __post_init__(self) -> None:
        stages = [field.name for field in fields(self) if field.name.endswith("_steps")]
        check_range(self, stages, LEAST_STEPS)
