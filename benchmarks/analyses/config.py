"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.episodes import EpisodeConfig
from benchmarks.few_shot import FewShotConfig
from genie_transforms import UserError

_OURS = tuple(
    f"python:benchmarks.episodes.selectors:{n}" for n in ("supervised", "untrained", "pixels")
)


@dataclass(frozen=True, kw_only=True)
class AnalysesConfig(EpisodeConfig):
    """Run the analyses on the pool of `python -m benchmarks.few_shot`.

    Attributes:
        more: How often each pair is made again by Txt2Img and by GeNIe, which takes about 90 s on
            2 cores for each time; 0 leaves out what needs it.
        previews: Solver steps of the previews that choose r*.
        selectors: Backbones that choose r*, beside the one that classifies.
        head: What learns from the features.
    """

    more: int = 1
    previews: tuple[int, ...] = (2, 3)
    selectors: tuple[str, ...] = _OURS
    head: Literal["logistic", "svm", "prototype"] = "logistic"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.more < 0:
            raise UserError(f"more must not be negative, got {self.more}")

    def few_shot(self) -> FewShotConfig:
        """Return the run whose pool and episodes these are."""
        return FewShotConfig(**self.shared(), head=self.head)
