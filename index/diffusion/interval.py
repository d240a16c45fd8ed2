"""The timesteps at which there is guidance: a setting, so this is light."""

from __future__ import annotations

from typing import Any

from genie_transforms import UserError

EVERYWHERE = (0.0, 1000.0)
"""The interval of all timesteps: guidance as the paper has it."""

_END = EVERYWHERE[1]


def check_interval(interval: tuple[float, ...]) -> None:
    """Refuse what is no interval of timesteps; an empty one is one.

    Raises:
        UserError: It has not two ends, or they are not in order within [0, 1000].
    """
    if len(interval) != 2 or not 0 <= interval[0] <= interval[1] <= _END:
        raise UserError(
            f"guidance_interval must be two timesteps, 0 <= low <= high <= {_END:g}, got "
            f"{tuple(interval)}"
        )


def guided_at(timesteps: Any, interval: tuple[float, float]) -> Any:
    """Tell where there is guidance: low <= t < high, and a high of 1000 has no end.

    Args:
        timesteps: Tensor in [0, 1000]; a flow begins at 1000 itself.
        interval: Low and high.

    Returns:
        A boolean for each timestep.
    """
    low, high = interval
    return (timesteps >= low) & ((timesteps < high) | (high >= _END))
