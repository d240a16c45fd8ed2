"""A trained arm as a judge of banks, which `python -m index.judge` opens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from benchmarks.training import read_settings
from index.judge import SavedJudge, save_judge

from .config import LongTailConfig
from .images import SMALL, STATISTICS


def save_as_judge(
    folder: Path, network: nn.Module, config: LongTailConfig, classes: Sequence[str]
) -> None:
    """Write a network beside its checkpoint as `--classifier folder:FOLDER` takes it.

    A network whose head is made of class embeddings is not written: it is of no architecture that
    a file could name.

    Args:
        folder: Of the arm.
        network: What was trained.
        config: How.
        classes: Names of its classes, in the order of its head.
    """
    if config.training.head not in ("", "small"):
        return
    mean, deviation = STATISTICS[config.statistics]
    about = SavedJudge(
        architecture=config.training.model,
        classes=list(classes),
        resize=config.size if config.size <= SMALL else config.size * 8 // 7,
        crop=config.size,
        mean=list(mean),
        std=list(deviation),
        settings=read_settings(config.training.model_settings),
    )
    save_judge(folder, network, about)
