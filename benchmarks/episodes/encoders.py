"""What a backbone has seen: encoders of `benchmarks.unisiam` say what they learned from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from genie_transforms import UserError
from index.embed import read_checkpoint

_OF_THE_SPLIT = ("classes", "class_split")


class Training(NamedTuple):
    """How an encoder was trained.

    Attributes:
        classes: Names of the classes whose images it has seen.
        recipe: Its settings, without those that choose the classes.
    """

    classes: list[str]
    recipe: dict[str, Any]


def training_of(backbone: str) -> Training | None:
    """Return how a backbone was trained, if its file says so; None if it does not, or has none.

    Args:
        backbone: As `python -m index.build --backbone` takes it.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is no checkpoint.
    """
    kind, _, spec = backbone.partition(":")
    if kind != "unisiam":
        return None
    _, beside = read_checkpoint(Path(spec.partition(":")[2]))
    if "classes" not in beside or "recipe" not in beside:
        return None
    recipe = json.loads(beside["recipe"])
    kept = {name: value for name, value in recipe.items() if name not in _OF_THE_SPLIT}
    return Training(list(beside["classes"]), kept)


def check_novel(backbone: str, novel: Sequence[str], of_a_split: bool = False) -> None:
    """Refuse an encoder that has seen a class that shall be novel.

    Backbones other than `benchmarks.unisiam`'s pass: only whoever chose them knows.

    Args:
        backbone: As `python -m index.build --backbone` takes it.
        novel: Names of the classes.
        of_a_split: They were drawn; then an encoder that does not say what it saw is refused, too.

    Raises:
        MissingFileError: There is no such file.
        UserError: It has seen one, or does not say.
    """
    training = training_of(backbone)
    chosen = "--class-split of the same number" if of_a_split else "--classes for others"
    again = f"train one with python -m benchmarks.unisiam {chosen}"
    if training is None:
        if of_a_split and backbone.startswith("unisiam:"):
            raise UserError(f"{backbone} does not say which classes it was trained on: {again}")
        return
    seen = sorted(set(training.classes) & set(novel))
    if seen:
        raise UserError(
            f"{backbone} was trained on images of {', '.join(seen)}, which shall be novel in "
            f"these episodes: {again}"
        )
