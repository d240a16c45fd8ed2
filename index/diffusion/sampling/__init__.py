"""From noise to image: many pairs at many noise ratios in one batched walk.

Seeds come from content, the noise is exact, and a row's image does not depend on what shares its
network calls.
"""

from .config import SweepSettings
from .cost import network_rows
from .seeds import derived_seed, gaussian, pair_seed
from .solver import add_noise_exactly, first_index
from .sweep import SweepResult, sweep, sweep_latents
from .trajectories import SweepPair

__all__ = [
    "SweepPair",
    "SweepResult",
    "SweepSettings",
    "add_noise_exactly",
    "derived_seed",
    "first_index",
    "gaussian",
    "network_rows",
    "pair_seed",
    "sweep",
    "sweep_latents",
]
