"""What every result states: the machine and versions, and means with their intervals.

It imports nothing of benchmarks, so that every command may measure with it.
"""

from .environment import environment
from .images import background_psnr
from .statistics import (
    Floats,
    half_t_interval,
    mean_and_interval,
    paired_difference,
    without_nan,
)
from .threads import threads

__all__ = [
    "Floats",
    "background_psnr",
    "environment",
    "half_t_interval",
    "mean_and_interval",
    "paired_difference",
    "threads",
    "without_nan",
]
