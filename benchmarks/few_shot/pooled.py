"""The table of runs that are pooled: every arm, against Txt2Img and against other arms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Floats, environment
from genie_transforms.format import write_json

from .config import BASELINE, TWICE
from .over_splits import DrawnSplit, means_of_splits, over_splits
from .pooling import Runs, read_runs
from .report import cell, rounded
from .splits import SplitsConfig

COMPARISONS = (
    ("genie-ada", "genie"),
    ("genie-ada", "genie-0.9"),
    ("genie-ada", "genie-random"),
    ("genie-ada-passes", "genie-ada"),
    ("genie-0.9", "genie"),
    ("genie", TWICE),
    ("genie-0.9", TWICE),
    ("genie", "real-g"),
    ("genie-ada", "real-g"),
)
"""What is compared beside each arm with Txt2Img, without correction for their number: Ada with a
fixed r and a random one, GeNIe with what costs as much and with real images."""

Values = Callable[[int, str], Floats]
"""Returns a value of each episode, given a split and a generator."""


def main(config: SplitsConfig) -> dict[str, Any]:
    """Read, pool, print and write."""
    runs = read_runs(config.runs)
    result = pooled(runs)
    print(f"splits {runs.splits}, generators {', '.join(runs.generators.values())}")
    for k_shot in runs.settings["k_shot"]:
        print(f"\n{table(result, k_shot)}")
    if config.json:
        write_json(config.json, {**result, **environment()})
    return result


def pooled(runs: Runs) -> dict[str, Any]:
    """Return everything that goes into the JSON, but for the machine; figures are in percent.

    Args:
        runs: Of all splits with all generators.

    Returns:
        `arms` and `comparisons`, each with mean or difference, its t-interval over splits, the
        interval if images were drawn again as well (null if not known), the figure of each split
        and of each generator, and how many episodes failed; `splits`, `generators`, `settings`.
    """
    arms, comparisons = [], []
    for k_shot in runs.settings["k_shot"]:
        drawn = runs.drawn(k_shot)
        for arm in runs.settings["arms"]:
            own, to_baseline = _of_arm(runs, arm, k_shot), _gap(runs, arm, BASELINE, k_shot)
            entry = {"arm": arm, "k_shot": k_shot, **_figures(runs, own, drawn, "accuracy")}
            arms.append(entry | _figures(runs, to_baseline, drawn, "difference"))
        for pair in COMPARISONS:
            if set(pair) <= set(runs.settings["arms"]):
                gap = _figures(runs, _gap(runs, *pair, k_shot), drawn, "difference")
                comparisons.append({"first": pair[0], "second": pair[1], "k_shot": k_shot, **gap})
    (some, *_), (first, *_) = runs.generators, runs.splits
    return {
        "arms": arms,
        "baseline": BASELINE,
        "comparisons": comparisons,
        "splits": [{"number": k, "novel": runs.content[k, some]["classes"]} for k in runs.splits],
        "generators": [runs.content[first, key]["run"]["generator"] for key in runs.generators],
        "settings": runs.settings,
    }


def _of_arm(runs: Runs, arm: str, k_shot: int) -> Values:
    return lambda split, generator: runs.accuracies(arm, k_shot, split, generator)


def _gap(runs: Runs, first: str, second: str, k_shot: int) -> Values:
    """Return how far an arm is ahead in the episodes that both ran: some run on the first ones."""

    def gap(split: int, generator: str) -> Floats:
        pair = [runs.accuracies(arm, k_shot, split, generator) for arm in (first, second)]
        count = min(map(len, pair))
        return pair[0][:count] - pair[1][:count]

    return gap


def _figures(runs: Runs, values: Values, drawn: list[DrawnSplit], name: str) -> dict[str, Any]:
    """Return a figure and its intervals, in percent, under names that begin with its own."""
    cells = {
        split: [100 * values(split, generator) for generator in runs.generators]
        for split in runs.splits
    }
    # NaN where one generator's failed: an episode counts if it can be averaged over generators.
    means = [np.mean(of_split, axis=0) for of_split in cells.values()]
    found = over_splits(means, drawn)
    by_generator = [
        rounded(float(means_of_splits([of_split[place] for of_split in cells.values()]).mean()))
        for place in range(len(runs.generators))
    ]
    return {
        name: rounded(found.mean),
        f"{name}_interval": _bounds(found.mean, found.half),
        f"{name}_interval_images": _bounds(found.mean, found.half_images),
        f"{name}_by_split": [rounded(value) for value in found.by_split.tolist()],
        f"{name}_by_generator": by_generator,
        f"{name}_failed": int(sum(np.isnan(of_split).sum() for of_split in means)),
    }


def _bounds(mean: float, half: float) -> list[float | None]:
    return [rounded(mean - half), rounded(mean + half)]


def table(result: dict[str, Any], k_shot: int) -> str:
    """Lay out one number of shots as a table in Markdown, then the other comparisons.

    The first interval is over splits, the second over splits and images.
    """
    lines = [f"| {k_shot}-shot | accuracy, % | to {BASELINE} |", "|---|---|---|"]
    for entry in result["arms"]:
        if entry["k_shot"] == k_shot:
            gap = "0" if entry["arm"] == BASELINE else _cell(entry, "difference", "+.1f")
            lines.append(f"| {entry['arm']} | {_cell(entry, 'accuracy', '.1f')} | {gap} |")
    for entry in result["comparisons"]:
        if entry["k_shot"] == k_shot:
            gap = _cell(entry, "difference", "+.1f")
            lines.append(f"| {entry['first']} - {entry['second']} | | {gap} |")
    return "\n".join(lines)


def _cell(entry: dict[str, Any], name: str, form: str) -> str:
    intervals = []
    for key in (f"{name}_interval", f"{name}_interval_images"):
        low, high = entry[key]
        intervals.append(f"{cell(low, form)} … {cell(high, form)}")
    return f"{cell(entry[name], form)} ({intervals[0]}; {intervals[1]})"
