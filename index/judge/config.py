"""The settings of a judgement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from genie_transforms import UserError
from index.device import AUTO
from index.kinds import check_kinds, check_range


@dataclass(frozen=True)
class JudgeConfig:
    """Ask a classifier what the rows of a bank show; its verdicts become columns beside the bank.

    Attributes:
        bank: Folder of the bank.
        classifier: torchvision:NAME[:WEIGHTS or CHECKPOINT], timm:NAME[:CHECKPOINT],
            transformers:FOLDER or ID, clip:FOLDER or ID (CLIP and SigLIP, which need no training on
            the classes), folder:FOLDER (your own weights, see docs/judging.md), demo, or
            python:MODULE:FUNCTION.
        name: Of the columns, NAME_class and so on; made from the classifier if not given.
        classes: JSON file: the bank's classes, and what the judge calls them (a name, a number, a
            list, or null for what it does not know). Without it, names have to be the same.
        prompt: For clip: the text of each class.
        class_names: For clip: file of what the classes are called in the prompt, as for a build.
        on_real: Folder of real images with one folder for each class: first show how often the
            judge is right about these.
        batch_size: Images of one pass.
        device: Where the judge runs: cpu, cuda, …; auto for the fastest there is.
    """

    bank: tyro.conf.Positional[Path]
    classifier: str
    name: str = ""
    classes: Path | None = None
    prompt: str = "a photo of a {target}"
    class_names: str = ""
    on_real: Path | None = None
    batch_size: int = 64
    device: str = AUTO

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["batch_size"], 1)
        if self.classes is not None and self.classifier.startswith("clip:"):
            raise UserError("--classes is for judges with classes of their own: clip takes yours")
