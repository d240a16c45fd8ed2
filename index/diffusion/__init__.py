"""Diffusion models that turn images and prompts into images, whatever their architecture.

A model is a `Family`: it encodes, predicts and decodes. `load_family` opens one, brings it to its
device and sets its switches. What is done with it has rooms of its own: `sampling` and `inversion`.
"""

from .config import ModelConfig, WeightsConfig
from .families import load_family
from .family import IMAGE_ROWS, Conditioning, Family
from .schedulers import Scheduler, is_flow, is_stochastic, with_timesteps
from .speed import Switches, find_batch_size
from .weights import ModelError

__all__ = [
    "IMAGE_ROWS",
    "Conditioning",
    "Family",
    "ModelConfig",
    "ModelError",
    "Scheduler",
    "Switches",
    "WeightsConfig",
    "find_batch_size",
    "is_flow",
    "is_stochastic",
    "load_family",
    "with_timesteps",
]
