"""The settings and the recipes of the comparison; light, for `--help`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.episodes import EpisodeConfig
from benchmarks.few_shot import FewShotConfig
from genie_transforms import UserError
from index.kinds import check_range

PAPER = "paper"
"""The recipe that all others are compared with: five noise ratios in 50 steps, guidance in all."""

_PREVIEW = {"ada": "preview", "ada_steps": 2}
_TXT2IMG = {"method": "txt2img"}
_GENIE = {"method": "genie", "noise_ratio": 0.8}
_LATE, _MIDDLE = (200.0, 1000.0), (200.0, 800.0)


def _in(steps: int, interval: tuple[float, float] | None = None) -> dict[str, Any]:
    settings: dict[str, Any] = {"num_inference_steps": steps}
    return settings if interval is None else {**settings, "guidance_interval": interval}


RECIPES: Mapping[str, Mapping[str, Any]] = {
    PAPER: {},
    "txt2img": _TXT2IMG,
    "txt2img, 12 steps": {**_TXT2IMG, **_in(12)},
    "txt2img, 12 steps, guided from 200": {**_TXT2IMG, **_in(12, _LATE)},
    "txt2img, 12 steps, guided 200-800": {**_TXT2IMG, **_in(12, _MIDDLE)},
    "genie 0.8": _GENIE,
    "genie 0.8, 12 steps": {**_GENIE, **_in(12)},
    "genie 0.8, 12 steps, guided from 200": {**_GENIE, **_in(12, _LATE)},
    "genie 0.8, 12 steps, guided 200-800": {**_GENIE, **_in(12, _MIDDLE)},
    "genie 0.8, 12 steps, euler": {**_GENIE, **_in(12), "scheduler": "euler"},
    "genie 0.8, 12 steps, unipc": {**_GENIE, **_in(12), "scheduler": "unipc"},
    "genie 0.8, 8 steps": {**_GENIE, **_in(8)},
    "ada, preview": _PREVIEW,
    "ada, preview, 12 steps": {**_PREVIEW, **_in(12)},
    "ada, preview, 12 steps, guided from 200": {**_PREVIEW, **_in(12, _LATE)},
    "ada, preview, 12 steps, guided 200-800": {**_PREVIEW, **_in(12, _MIDDLE)},
    "ada, plain preview, 12 steps, guided from 200": {
        **_PREVIEW,
        **_in(12, _LATE),
        "ada_guidance": False,
    },
    "ada, plain preview, 8 steps, guided from 200": {
        **_PREVIEW,
        **_in(8, _LATE),
        "ada_guidance": False,
    },
}
"""Name -> what it changes of the paper's settings."""


@dataclass(frozen=True, kw_only=True)
class PriceConfig(EpisodeConfig):
    """Make the same pairs by every recipe, and compare what they cost and what they are worth.

    Attributes:
        per_class: Support images of each class; each is turned into every other class.
        recipes: Names of recipes; all if empty. The paper's is always made.
        head: What learns from the features.
    """

    per_class: int = 6
    recipes: tuple[str, ...] = ()
    head: Literal["logistic", "svm", "prototype"] = "logistic"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, ["per_class"], max(self.k_shot))
        unknown = sorted(set(self.recipes) - set(RECIPES))
        if unknown:
            raise UserError(f"unknown recipes {unknown}; choose among {', '.join(RECIPES)}")

    @property
    def wanted(self) -> list[str]:
        """Names of the recipes to make, the paper's first."""
        return [name for name in RECIPES if not self.recipes or name in (*self.recipes, PAPER)]

    def few_shot(self) -> FewShotConfig:
        """Return the run whose episodes these are."""
        return FewShotConfig(**self.shared(), head=self.head)
