"""Whether the generator has seen what the classifiers learn from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.datasets import LabelledSet, read_learned, rows_of_half
from genie_transforms import UserError

from .config import LongTailConfig


def check_learned(config: LongTailConfig, pool: LabelledSet) -> None:
    """Refuse small pipelines that saw the classifiers' images, unless it is said that they may.

    --half whole says so, and --knowledge closed-world, which `check_training_sets` checks. Of a
    model that does not say which images it learned from, `check_models` judges by its name.

    Args:
        config: The experiment.
        pool: The images that training images are drawn from.

    Raises:
        UserError: Training images could be drawn that a model learned from; or a model says
            that it learned from the generator's half, but of other images than these.
    """
    if config.half == "whole" or config.knowledge == "closed-world":
        return
    rows = rows_of_half(pool, config.drawn_half)
    for model in dict.fromkeys(config.model_of(seed) for seed in config.seeds):
        learned = read_learned(model)
        if learned is not None:
            _check_images(config, model, learned, pool, rows)


def _check_images(
    config: LongTailConfig,
    model: str,
    learned: npt.NDArray[np.bytes_],
    pool: LabelledSet,
    rows: npt.NDArray[np.int64],
) -> None:
    """Refuse a model by the digests of what it learned from; `rows` may become training images."""
    seen = int(np.isin(pool.digests[rows], learned).sum())
    if seen:
        raise UserError(
            f"{model} learned from {seen} of the {len(rows)} images of {config.root} that "
            "classifiers would draw from: give --half classifier with a model that "
            "benchmarks.small_pipeline trained with --half generator, or --half whole if you want "
            "to measure a generator that has seen the training images, or --knowledge closed-world "
            "if it has seen nothing else"
        )
    known = int(np.isin(learned, pool.digests).sum())
    # Halves are cut by pixels: of a file that is decoded otherwise elsewhere, they are others.
    if _of_the_other_half(config, model) and 2 * known < len(learned):
        raise UserError(
            f"{model} learned from half of other images: only {known} of its {len(learned)} "
            f"are in {config.root}. If it should be this folder, train the model where JPEGs are "
            "decoded as here; if it is another one, give --half whole"
        )


def _of_the_other_half(config: LongTailConfig, model: str) -> bool:
    """Return whether the model says that it learned from the half that classifiers leave to it."""
    about = Path(model).expanduser().parent / "train.json"
    if not about.is_file():
        return False
    learned = json.loads(about.read_text(encoding="utf-8"))["config"]
    asked = (config.data, "generator", "classifier")
    return (learned.get("data"), learned.get("half"), config.drawn_half) == asked
