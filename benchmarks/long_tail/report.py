"""The table of a long-tail experiment, its comparisons and its plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.datasets import LabelledSet

from .arms import COMPARISONS
from .comparisons import difference, holm, over_seeds_and_images, share_of_gap
from .config import LongTailConfig
from .data import open_long_tail

FIGURES = ("few", "medium", "many", "all", "ece")

_WIDTHS = (7, 8, 7, 7, 7)


def report(
    config: LongTailConfig, figures: list[dict[str, Any]], pool: LabelledSet, test: LabelledSet
) -> dict[str, Any]:
    """Return everything that goes into the JSON, but for the machine.

    Args:
        config: The experiment.
        figures: Of every arm and seed.
        pool: Training images that there are.
        test: Test images.

    Returns:
        `arms`, as given; `means` over seeds; `comparisons` of `COMPARISONS` on Few, those whose
        arms were run; `share_of_real`, of the gap from re-sampling to real images of the
        generator's training set; `oracle`, label precision by arm; `generator`, `rule`,
        `settings`; `filled`, by arm and seed, of those that had fewer negatives than wanted, the
        class's own images in their place.
    """
    found = {
        name: _compare(config, figures, first, second, pool, test)
        for name, (first, second) in COMPARISONS.items()
        if {first, second} <= set(config.arms)
    }
    adjusted = holm({name: entry["p"] for name, entry in found.items()})
    comparisons = {name: {**found[name], "p_holm": adjusted[name]} for name in found}
    few = {name: _column(figures, name, "few") for name in config.arms}
    shares = {}
    if {"resampled", "real-g"} <= few.keys():
        shares = {
            name: share_of_gap(values, few["resampled"], few["real-g"])
            for name, values in few.items()
        }
    oracle = {name: _mean(_column(figures, name, "oracle")) for name in config.arms}
    return {
        "arms": figures,
        "means": {
            name: {key: _mean(_column(figures, name, key)) for key in FIGURES}
            for name in config.arms
        },
        "comparisons": comparisons,
        "share_of_real": shares,
        "oracle": {name: value for name, value in oracle.items() if not np.isnan(value)},
        "generator": {"model": config.model or "demo", "oracle": config.oracle or None},
        "filled": {
            name: [entry["filled"] for entry in figures if entry["arm"] == name]
            for name in config.arms
            if any(entry["filled"] for entry in figures if entry["arm"] == name)
        },
        "rule": str(config.group_rule),
        "settings": _settings(config),
    }


def _settings(config: LongTailConfig) -> dict[str, Any]:
    """Return what decides the figures: no paths, which differ from machine to machine."""
    recipe = config.recipe()
    for name in ("root", "train_list", "test_list", "class_names", "bank", "text_encoder"):
        recipe.pop(name)
    training = recipe["training"]
    files = {name: Path(training[name]).name for name in ("weights", "head")}
    return {**recipe, "seeds": list(config.seeds), "training": {**training, **files}}


def _column(figures: list[dict[str, Any]], arm: str, key: str) -> npt.NDArray[np.float64]:
    """Return a figure of an arm, ``(S,)`` float64, in the order of the seeds."""
    values = [entry[key] for entry in figures if entry["arm"] == arm]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _compare(
    config: LongTailConfig,
    figures: list[dict[str, Any]],
    first: str,
    second: str,
    pool: LabelledSet,
    test: LabelledSet,
) -> dict[str, Any]:
    """Compare two arms on Few: t-interval over seeds, bootstrap over seeds and test images."""
    found = difference(_column(figures, first, "few"), _column(figures, second, "few"))
    right: dict[str, list[npt.NDArray[np.bool_]]] = {first: [], second: []}
    labels = []
    for number in config.seeds:
        few = open_long_tail(config, pool, test, number).few
        shown = np.isin(test.labels, few)
        labels.append(test.labels[shown])
        for name in right:
            path = config.work / f"seed-{number}" / "arms" / name / "right.npy"
            right[name].append(np.load(path, allow_pickle=False)[shown])
    interval = over_seeds_and_images(right[first], right[second], labels)
    return {"first": first, "second": second, **found, "interval_images": interval}


def show(result: dict[str, Any], config: LongTailConfig) -> None:
    """Print the table and the comparisons; draw the plot if wanted."""
    print(f"\naccuracy in %, mean over {len(config.seeds)} seeds; {result['rule']}")
    print(f"{'arm':22}{'Few':>7}{'Medium':>8}{'Many':>7}{'all':>7}{'ECE':>7}{'oracle':>8}")
    for name, means in result["means"].items():
        cells = [
            f"{100 * means[key]:{width}.1f}" for key, width in zip(FIGURES, _WIDTHS, strict=True)
        ]
        oracle = result["oracle"].get(name)
        print(f"{name:22}{''.join(cells)}{'' if oracle is None else f'{100 * oracle:8.1f}'}")
    for name, entry in result["comparisons"].items():
        low, high = (100 * value for value in entry["interval"])
        print(
            f"{name}: {entry['first']} - {entry['second']} on Few "
            f"{100 * entry['difference']:+.1f} ({low:+.1f} … {high:+.1f}), Holm's p "
            f"{entry['p_holm']:.2g}"
        )
    if config.quick:
        print("--quick: these figures only show that everything runs")
    if config.plot:
        draw(result, config.plot)


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw Few and all of every arm, a dot for each seed, a bar at the mean."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = list(result["means"])
    figure, axes = plt.subplots(1, 2, figsize=(10, 0.35 * len(names) + 1.2), sharey=True)
    for axis, key in zip(axes, ("few", "all"), strict=True):
        for place, name in enumerate(names):
            values = [100 * entry[key] for entry in result["arms"] if entry["arm"] == name]
            axis.plot(values, [place] * len(values), "o", alpha=0.4, color="tab:blue")
            axis.plot([np.mean(values)] * 2, [place - 0.3, place + 0.3], color="black")
        axis.set_xlabel(f"{'Few' if key == 'few' else 'all classes'}, %")
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
