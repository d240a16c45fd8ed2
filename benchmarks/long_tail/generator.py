"""What a generator may have learned from, by what `benchmarks.small_pipeline` wrote beside it.

Images of the classifier's own in the generator would be shown again as a gain, so they are refused
unless that is what is measured, and said.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import LEARNED, LabelledSet, images_digest, read_learned
from genie_transforms import MissingFileError, UserError
from index.diffusion import read_index

from .config import LongTailConfig
from .data import open_long_tail

_COMMAND = "benchmarks.small_pipeline"


def check_models(config: LongTailConfig) -> None:
    """Refuse models that are not there, before a baseline is trained for hours.

    Raises:
        UserError: There is no such diffusion model, or it has learned from other images than the
            settings say; or the oracle does not know every class.
        MissingFileError: There is no such oracle.
    """
    if config.model:
        for model in dict.fromkeys(config.model_of(seed) for seed in config.seeds):
            read_index(model, None)
        for seed in config.seeds:
            _check_names(config, seed)
    if config.oracle and not Path(config.oracle).is_file():
        raise MissingFileError(
            f"no oracle at {config.oracle}: give the file oracle.safetensors that {_COMMAND} wrote"
        )
    part = _part_of(_trained(config.oracle).get("config", {})) if config.oracle else ""
    if part:
        raise UserError(
            f"{config.oracle} learned from {part}: it cannot judge what is generated; give the "
            f"oracle that {_COMMAND} trained with --half generator on all classes"
        )


def check_training_sets(config: LongTailConfig, pool: LabelledSet, test: LabelledSet) -> None:
    """Refuse a generator that did not learn from the images that `config.knowledge` says.

    Args:
        config: The experiment.
        pool: The training images that there are.
        test: The test images.

    Raises:
        UserError: In a closed world, the generator of a seed saw others than the seed draws; an
            unaware one saw a class that is Few.
    """
    if config.knowledge is None:
        return
    for seed in config.seeds:
        tail, model = open_long_tail(config, pool, test, seed), config.model_of(seed)
        trained = _trained(model)
        if config.knowledge == "closed-world":
            if trained.get("training_set") != images_digest(tail.pool, tail.rows):
                raise UserError(
                    f"{model} learned from other images than classifiers of seed {seed} would, "
                    f"though its settings are the same: train it on those of {config.root}"
                )
            continue
        few = [pool.classes[label] for label in tail.few]
        seen = _seen_classes(model, pool, few)
        if seen:
            raise UserError(
                f"{model} is not unaware of {', '.join(seen)}, Few with seed {seed}: train it with "
                f"{_COMMAND} --leave-out {shlex.join(few)}"
            )


def _seen_classes(model: str, pool: LabelledSet, names: list[str]) -> list[str]:
    """Return of which classes a small pipeline saw an image, or does not say that it saw none."""
    left_out = _trained(model)["config"].get("leave_out", [])
    learned = read_learned(model)
    seen = pool.labels[np.isin(pool.digests, [] if learned is None else learned)]
    return [n for n in names if n not in left_out or pool.classes.index(n) in seen]


def _check_names(config: LongTailConfig, seed: int) -> None:
    """Refuse a small pipeline that learned from other images than the settings say.

    Only names can tell here; `check_learned` tells by the images, of every model that says which
    ones it learned from.
    """
    model = config.model_of(seed)
    learned = _trained(model).get("config", {})
    if learned.get("data") != config.data:
        if config.knowledge:
            raise UserError(
                f"--knowledge {config.knowledge} is of a pipeline that {_COMMAND} trained on "
                f"{config.data}, and no train.json beside {model} says so"
            )
        return
    if config.knowledge == "closed-world":
        _check_same_tail(config, model, learned, seed)
        return
    half, part = learned.get("half", "whole"), _part_of(learned)
    if config.knowledge == "unaware" and half != "generator":
        raise UserError(
            f"{model} learned from the {half} of {config.data}, and an unaware generator is one of "
            f"the generator's half: train it with {_COMMAND} --half generator --leave-out …"
        )
    apart = (half, config.drawn_half) == ("generator", "classifier")
    if not apart and config.half != "whole" and read_learned(model) is None:
        raise UserError(
            f"{model} learned from the {half} of {config.data}, and classifiers would draw from "
            f"the {config.drawn_half}: give --half classifier with a model that {_COMMAND} trained "
            "with --half generator, or --half whole if you want to measure a generator that has "
            "seen the training images, or --knowledge closed-world if it has seen nothing else; if "
            "these are other images, run the command that trained it again, which trains nothing "
            f"twice, but now writes {LEARNED}, what it learned from"
        )
    if part and (config.knowledge is None or learned.get("largest")):
        raise UserError(
            f"{model} learned from {part}: say what that makes of its figures, by --knowledge "
            "closed-world or --knowledge unaware, or give a model that learned from all of its half"
        )


def _check_same_tail(
    config: LongTailConfig, model: str, learned: dict[str, Any], seed: int
) -> None:
    """Refuse a generator of the closed world whose long tail is not that of the seed."""
    wanted: dict[str, Any] = {
        "half": config.drawn_half,
        "largest": config.largest,
        "imbalance": config.imbalance,
        "seed": seed,
        "leave_out": [],
    }
    other = [
        f"{name} = {learned.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if learned.get(name) != value
    ]
    if other:
        flags = f"--half {wanted['half']} --largest {config.largest} --imbalance {config.imbalance}"
        raise UserError(
            f"{model} did not learn from the training images of seed {seed}: {'; '.join(other)}. "
            f"Train one with {_COMMAND} --data {config.data} {flags} --seed {seed}, and name it "
            "with {seed} in --model"
        )


def _part_of(learned: dict[str, Any]) -> str:
    """Return in words of which part of its half a model learned, "" of all of it."""
    parts = []
    if learned.get("largest"):
        parts.append(f"a long tail of {learned['largest']} images down, seed {learned['seed']}")
    if learned.get("leave_out"):
        parts.append(f"no image of {', '.join(learned['leave_out'])}")
    return " and ".join(parts)


def _trained(model: str) -> dict[str, Any]:
    """Return what was written beside a small pipeline or its oracle; {} of other models."""
    path = Path(model).expanduser().parent / "train.json"
    about: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return about
