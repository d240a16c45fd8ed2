"""The settings of the figures; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.episodes import DEMO_DATA, DataChoice
from genie_transforms import UserError
from index.kinds import check_kinds, check_range

FIGURE_NOISE_RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the bank that is made; r* is chosen among the paper's, .5 to .9."""


@dataclass(frozen=True, kw_only=True)
class FiguresConfig:
    """Draw the paper's figures.

    Attributes:
        work: Folder that receives the images and banks the figures are drawn from; continued if
            it exists.
        bank: A finished bank with --keep-sweep instead: draws the figures that need nothing else.
        out: Folder that receives the figures.
        json: File that receives the numbers they show.
        data: Which images and models, if no bank is given; the demo's own if not given.
        per_class: Source images of each class.
        pairs: Which classes they are led to, as `python -m index.build --pairs` takes it.
        source_class: Class that trajectories begin at; if empty, the first one.
        target_class: Class that they lead to; if empty, the first other one.
        num_inference_steps: Steps of the whole denoising.
        episodes: Episodes of the probabilities and distances.
        n_way: Classes of an episode.
        k_shot: Support images of each class; the others of its images are queries.
        seed: Seed of episodes, maps and probabilities.
        quick: 4 images a class, 10 steps and 3 episodes, to see that it works.
    """

    work: Path | None = None
    bank: Path | None = None
    out: Path = Path("docs/figures")
    json: Path | None = None
    data: DataChoice = DEMO_DATA
    per_class: int = 6
    pairs: str = "nearest:3"
    source_class: str = ""
    target_class: str = ""
    num_inference_steps: int = 25
    episodes: int = 200
    n_way: int = 5
    k_shot: int = 3
    seed: int = 0
    quick: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["num_inference_steps", "episodes"], 1)
        check_range(self, ["n_way", "k_shot"], 2)
        check_range(self, ["seed"], 0)
        if (self.work is None) == (self.bank is None):
            raise UserError("give --work, where banks are made, or --bank, one that is there")
        if self.work is not None and self.per_class <= self.k_shot:
            raise UserError(
                f"per_class must be more than k_shot {self.k_shot}, so that queries are left, got "
                f"{self.per_class}"
            )
        if self.source_class and self.source_class == self.target_class:
            raise UserError(f"source_class and target_class are both {self.source_class!r}")
