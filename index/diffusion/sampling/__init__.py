"""."""

from .seeds import derived_seed, gaussian, pair_seed
from .solver import add_noise_exactly, first_index
from .sweep import SweepResult, sweep, sweep_latents
from .trajectories import SweepPair

__all__ = [
    "SweepPair",
    "SweepResult",
    "add_noise_exactly",
    "derived_seed",
    "first_index",
    "gaussian",
    "pair_seed",
    "sweep",
    "sweep_latents",
]
