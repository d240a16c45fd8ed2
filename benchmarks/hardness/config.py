"""The settings of the measurement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError


@dataclass(frozen=True, kw_only=True)
class HardnessConfig:
    """Measure how hard the negatives of each plan are.

    Attributes:
        work: Folder that receives the scenes and a bank of each plan; continued if it exists.
        per_class: Scenes of each class that negatives are made from.
        k: Classes that each class is paired with: random:K, nearest:K, confusion:K.
        num_inference_steps: Steps of the whole denoising.
        real_per_class: Real scenes of each class that the few-image classifier is trained on.
        quick: One scene a class, K = 1 and 4 steps, to see that it works.
        json: File that receives the figures.
        plot: File that receives the plot, a png.
    """

    work: Path
    per_class: int = 32
    k: int = 2
    num_inference_steps: int = 25
    real_per_class: int = 20
    quick: bool = False
    json: Path | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        for name in ("per_class", "k", "num_inference_steps", "real_per_class"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")
        from index.demo import CLASSES  # needs torch, which --help does not

        if self.k >= len(CLASSES):
            raise UserError(f"k must be less than the {len(CLASSES)} classes, got {self.k}")
