"""The settings of the evaluation; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from genie_transforms import UserError
from index.device import AUTO
from index.kinds import check_kinds, check_range


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a bank beside real images.

    Attributes:
        bank: Folder of the bank.
        real: Real images with their classes, as --source of a build: a folder with one folder for
            each class, torchvision:CLASS:ROOT, hf:NAME:SPLIT, … Take some that the bank was not
            made from.
        judge: Name of a judge that `python -m index.judge` added; it says which labels are right,
            and how hard the negatives are.
        classifier: The same judge as a classifier, as `python -m index.judge --classifier` had it:
            it is then asked about the real images, too, so that hardness has something beside it.
        keep: Which rows are measured, as in Bank.open; those that training uses if not given, all
            of them if empty.
        backbone: What embeds, as in a build; the bank's own if empty. That one chose the images,
            so another one is the stricter test.
        sample: Negatives, and real images, that are embedded at most; drawn by --seed.
        seed: Seed of what is drawn.
        device: Where the backbone runs: cpu, cuda, …; auto for the fastest there is.
        card: Put the numbers into the bank's README.md, in place of earlier ones.
        json: File that receives the numbers.
    """

    bank: tyro.conf.Positional[Path]
    real: str
    judge: str = ""
    classifier: str = ""
    keep: str | None = None
    backbone: str = ""
    sample: int = 5000
    seed: int = 0
    device: str = AUTO
    card: bool = True
    json: Path | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["sample"], 1)
        check_range(self, ["seed"], 0)
        if self.classifier and not self.judge:
            raise UserError(
                f"--classifier {self.classifier} needs --judge, the name under which "
                "`python -m index.judge` asked it about the bank"
            )
