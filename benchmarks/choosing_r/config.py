"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.episodes import EpisodeConfig
from benchmarks.few_shot import FewShotConfig
from genie_transforms import UserError

_OWN = ("supervised", "untrained")


SWEEPS: Mapping[str, Mapping[str, Any]] = {
    "independent": {"noise": "independent"},
    "guidance-2": {"guidance_scale": 2.0},
    "steps-10": {"num_inference_steps": 10},
}
"""By name, how they differ from the pool's own sweep."""


@dataclass(frozen=True, kw_only=True)
class ChoosingConfig(EpisodeConfig):
    """Compare settings that choose r on the pool of `python -m benchmarks.few_shot`.

    Attributes:
        episodes: Episodes of each half of the pool and each number of shots.
        backbones: Backbones that choose beside the classifier's own, as `index.build` takes them.
        sweeps: Names of other sweeps to make (independent noise, weaker guidance, fewer steps);
            all take about ten minutes on one core, and their episodes are 1-shot.
        sweep_per_class: Support images of each class in these sweeps.
        quick: 10 support images of each class, 10 steps and 10 episodes, to see that it works.
    """

    backbones: tuple[str, ...] = tuple(f"python:benchmarks.episodes.selectors:{n}" for n in _OWN)
    sweeps: tuple[str, ...] = tuple(SWEEPS)
    sweep_per_class: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = sorted(set(self.sweeps) - set(SWEEPS))
        if unknown:
            raise UserError(f"unknown sweeps {unknown}; choose among {', '.join(SWEEPS)}")
        if not 1 <= self.sweep_per_class <= self.per_class:
            raise UserError(
                f"sweep_per_class must lie in [1, per_class = {self.per_class}], got "
                f"{self.sweep_per_class}"
            )
        half = self.few_shot().per_class // 2
        if max(self.k_shot) > half:
            raise UserError(f"k_shot must lie in [1, {half}], half of per_class, got {self.k_shot}")

    def few_shot(self) -> FewShotConfig:
        """Return the few-shot evaluation whose pool this is."""
        changes: dict[str, Any] = {"quick": False}  # its own quick pool is smaller than ours
        if self.quick:
            changes |= {"per_class": 10, "num_inference_steps": 10}
        return FewShotConfig(**self.shared() | changes)
