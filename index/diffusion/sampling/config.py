"""The settings of a sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from genie_transforms import UserError
from index.diffusion import EVERYWHERE, check_interval

Noise = Literal["coupled", "independent"]
FirstStep = Literal["auto", "grid", "exact"]


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """How pairs are swept, whatever the model and the pairs.

    Attributes:
        num_inference_steps: Steps of the whole grid, from r = 1.
        guidance_scale: Classifier-free guidance; at most 1 means none and halves the rows.
        guidance_interval: Timesteps (low, high): guidance is given where low <= t < high, and a
            high of 1000 has no end. A row without guidance costs half. t is what the network is
            told: of a flow, 1000 times the weight of the noise.
        negative_prompt: What guidance moves away from.
        noise: One noise for all r of a pair ("coupled"), or one for each ("independent").
        batch_size: Rows of one network call at most; does not change the images.
        first_step: "grid" is the authors' recipe: noise at 1000 r, first step at the noisiest grid
            step not above 1000 r + 1. "exact" moves that first step to 1000 r, so that the network
            is told the true noise. "auto" moves it where the two differ by more than one timestep,
            which never happens with 50 even steps and r a multiple of 0.02.

    Raises:
        UserError: A count is below 1, or the interval is none.
    """

    num_inference_steps: int = 50
    guidance_scale: float = 7.5
    guidance_interval: tuple[float, float] = EVERYWHERE
    negative_prompt: str = ""
    noise: Noise = "coupled"
    batch_size: int = 64
    first_step: FirstStep = "auto"

    def __post_init__(self) -> None:
        for name in ("num_inference_steps", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")
        check_interval(self.guidance_interval)

    @property
    def guidance(self) -> float | None:
        """The guidance scale; ``None`` if there is no guidance."""
        return self.guidance_scale if self.guidance_scale > 1 else None


DEFAULTS = SweepSettings()
"""The paper's: 50 steps, guidance 7.5, no negative prompt, one noise for all r of a pair."""
