"""."""

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
