"""The figures of a long-tail experiment and its comparisons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets import LabelledSet

from .arms import COMPARISONS, SECONDARY
from .comparisons import Floats, difference, holm, over_seeds_and_images, share_of_gap
from .config import CLASS_EMBEDDINGS, LongTailConfig
from .data import open_long_tail
from .pooling import (
    about_images,
    check_same_images,
    from_bits,
    generators_of,
    made_by,
    read_further,
    rows_digest,
)

FIGURES = ("few", "medium", "many", "all", "ece")


def report(
    config: LongTailConfig, figures: list[dict[str, Any]], pool: LabelledSet, test: LabelledSet
) -> dict[str, Any]:
    """Return everything that goes into the JSON, but for the machine.

    Args:
        config: The experiment.
        figures: Of every arm and seed of this run.
        pool: Training images that there are.
        test: Test images.

    Returns:
        `arms`, as given, with those of `--pool`; `means` and `deviations` over the seeds of each
        arm; `comparisons` of `COMPARISONS` on Few, and `secondary` ones, those whose arms were run;
        `share_of_real`, of the gap from re-sampling to real images of the generator's training set;
        `oracle`, label precision by arm; `generator`, each with its seeds and the precision of
        their trainings; `pooled`, command, machine and seeds of what was pooled; `rule`,
        `settings`; `training_sets`, a digest of the rows that each seed drew; `images`, one of all
        images and what their classes are called; `filled`, by arm and
        seed, of those that had fewer negatives than wanted, the class's own images in their place.

    Raises:
        UserError: What `--pool` names cannot be pooled.
    """
    own = settings_of(config)
    further = read_further(config, own)
    figures = figures + [entry for other in further for entry in other["arms"]]
    figures.sort(key=lambda entry: int(entry["seed"]))  # arms of a seed stay in their order
    seeds = sorted({int(entry["seed"]) for entry in figures})
    check_same_images(config, further, pool, test)
    by_arm = {
        name: [entry for entry in figures if entry["arm"] == name]
        for name in dict.fromkeys((*config.arms, *(entry["arm"] for entry in figures)))
    }
    oracle = {name: _mean(_column(entries, "oracle")) for name, entries in by_arm.items()}
    generators = _generators(config) + [
        entry for content in further for entry in generators_of(content)
    ]
    return {
        "arms": [_without_needless_bits(entry) for entry in figures],
        "means": _over_seeds(by_arm, _mean),
        "deviations": _over_seeds(by_arm, _deviation),
        "comparisons": _comparisons(config, by_arm, pool, test),
        "secondary": _secondary(by_arm),
        "share_of_real": _shares(by_arm),
        "oracle": {name: value for name, value in oracle.items() if not np.isnan(value)},
        "generator": generators,
        "pooled": [made for content in further for made in made_by(content)],
        "filled": {
            name: [entry["filled"] for entry in entries]
            for name, entries in by_arm.items()
            if any(entry["filled"] for entry in entries)
        },
        "rule": str(config.group_rule),
        "training_sets": {
            str(number): rows_digest(open_long_tail(config, pool, test, number).rows)
            for number in seeds
        },
        "images": about_images(pool, test),
        "settings": {**own, "seeds": seeds},
    }


def _generators(config: LongTailConfig) -> list[dict[str, Any]]:
    """Return each diffusion model of this run with its seeds, all or one, as `generators_of`."""
    seeds: dict[str, list[int]] = {}
    for number in config.seeds:
        seeds.setdefault(config.model_of(number) or "demo", []).append(number)
    common = {"oracle": config.oracle or None, "precision": config.training.precision}
    return [{"model": name, **common, "seeds": numbers} for name, numbers in seeds.items()]


def _comparisons(
    config: LongTailConfig,
    by_arm: dict[str, list[dict[str, Any]]],
    pool: LabelledSet,
    test: LabelledSet,
) -> dict[str, Any]:
    found = {
        name: {"first": pair[0], "second": pair[1]}
        | _compare(config, by_arm[pair[0]], by_arm[pair[1]], pool, test)
        for name, pair in COMPARISONS.items()
        if set(pair) <= set(config.arms)
    }
    adjusted = holm({name: entry["p"] for name, entry in found.items()})
    return {name: {**found[name], "p_holm": adjusted[name]} for name in found}


def _secondary(by_arm: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        f"{first} - {second}": {
            key: difference(*(_column(entries, key) for entries in pair)) for key in ("few", "all")
        }
        for first, second in SECONDARY
        if {first, second} <= by_arm.keys()
        and len((pair := _of_common_seeds(by_arm, first, second))[0])
    }


def _shares(by_arm: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    if not {"resampled", "real-g"} <= by_arm.keys():
        return {}
    alike = {name: _of_common_seeds(by_arm, name, "resampled", "real-g") for name in by_arm}
    few = {name: [_column(entries, "few") for entries in arms] for name, arms in alike.items()}
    return {name: share_of_gap(*columns) for name, columns in few.items() if len(columns[0])}


def _of_common_seeds(
    by_arm: dict[str, list[dict[str, Any]]], *names: str
) -> list[list[dict[str, Any]]]:
    """Return the entries of arms of those seeds that all of them have, in the same order."""
    common = set.intersection(*({entry["seed"] for entry in by_arm[name]} for name in names))
    return [[entry for entry in by_arm[name] if entry["seed"] in common] for name in names]


def _without_needless_bits(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out which images an arm got right if no comparison asks for it: long lines."""
    compared = {name for pair in COMPARISONS.values() for name in pair}
    return {k: v for k, v in entry.items() if k != "right" or entry["arm"] in compared}


def _over_seeds(
    by_arm: dict[str, list[dict[str, Any]]], summary: Callable[[Floats], float]
) -> dict[str, dict[str, float]]:
    return {
        name: {key: summary(_column(entries, key)) for key in FIGURES}
        for name, entries in by_arm.items()
    }


def settings_of(config: LongTailConfig) -> dict[str, Any]:
    """Return what decides the figures: no paths, which differ from machine to machine."""
    recipe = config.recipe()
    for name in ("root", "train_list", "test_list", "class_names", "bank", "text_encoder"):
        recipe.pop(name)
    training = recipe["training"]
    files = {name: Path(training[name]).name for name in ("weights", "head")}
    if config.text_encoder:  # as it will be called once it is there
        files["head"] = CLASS_EMBEDDINGS
    return {**recipe, "seeds": list(config.seeds), "training": {**training, **files}}


def _column(entries: list[dict[str, Any]], key: str) -> Floats:
    """Return a figure of an arm, ``(S,)`` float64, in the order of its entries."""
    values = [entry[key] for entry in entries]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _deviation(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _compare(
    config: LongTailConfig,
    first: list[dict[str, Any]],
    second: list[dict[str, Any]],
    pool: LabelledSet,
    test: LabelledSet,
) -> dict[str, Any]:
    """Compare two arms on Few: t-interval over seeds, and one over seeds and test images.

    The entries of both are of the same seeds, in the same order.
    """
    found = difference(_column(first, "few"), _column(second, "few"))
    right: list[list[npt.NDArray[np.bool_]]] = [[], []]
    labels = []
    for pair in zip(first, second, strict=True):
        few = open_long_tail(config, pool, test, pair[0]["seed"]).few
        shown = np.isin(test.labels, few)
        labels.append(test.labels[shown])
        for place, entry in enumerate(pair):
            right[place].append(from_bits(entry["right"], len(test))[shown])
    return {**found, "interval_images": over_seeds_and_images(right[0], right[1], labels)}
