"""Diffusion models that turn images and prompts into images, whatever their architecture.

A model is a `Family`: it encodes, predicts and decodes. `load_family` opens one, brings it to its
device and sets its switches. What is done with it has rooms of its own: `sampling` and `inversion`.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .config import ModelConfig, WeightsConfig
from .interval import EVERYWHERE, check_interval, guided_at

if TYPE_CHECKING:
    from .families import family_of, load_family
    from .family import IMAGE_ROWS, Conditioning, Family
    from .schedulers import Scheduler, is_flow, is_stochastic, with_timesteps
    from .speed import Switches, find_batch_size
    from .weights import ModelError, read_index
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "families": ["family_of", "load_family"],
            "family": ["IMAGE_ROWS", "Conditioning", "Family"],
            "schedulers": ["Scheduler", "is_flow", "is_stochastic", "with_timesteps"],
            "speed": ["Switches", "find_batch_size"],
            "weights": ["ModelError", "read_index"],
        },
    )

__all__ = [
    "EVERYWHERE",
    "IMAGE_ROWS",
    "Conditioning",
    "Family",
    "ModelConfig",
    "ModelError",
    "Scheduler",
    "Switches",
    "WeightsConfig",
    "check_interval",
    "family_of",
    "find_batch_size",
    "guided_at",
    "is_flow",
    "is_stochastic",
    "load_family",
    "read_index",
    "with_timesteps",
]
