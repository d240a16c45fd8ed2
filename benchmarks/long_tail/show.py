"""What a long-tail experiment prints and draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from .config import LongTailConfig
from .report import FIGURES

_WIDTHS = (7, 8, 7, 7, 7)


def show(result: dict[str, Any], config: LongTailConfig) -> None:
    """Print the table and the comparisons; draw the plot if wanted."""
    print(f"\naccuracy in %, mean over seeds; {result['rule']}")
    seeds = seeds_of(result)
    if len(set(seeds.values())) > 1:
        print("arms of other seeds have other Few classes: compare them by paired differences")
    print(
        f"{'arm':22}{'seeds':>6}{'Few':>7}{'Medium':>8}{'Many':>7}{'all':>7}{'ECE':>7}{'oracle':>8}"
    )
    for name, means in result["means"].items():
        cells = [
            f"{100 * means[key]:{width}.1f}" for key, width in zip(FIGURES, _WIDTHS, strict=True)
        ]
        oracle = result["oracle"].get(name)
        seen = "" if oracle is None else f"{100 * oracle:8.1f}"
        print(f"{name:22}{len(seeds[name]):6}{''.join(cells)}{seen}")
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


def seeds_of(result: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the seeds of each arm."""
    return {
        name: tuple(sorted(entry["seed"] for entry in result["arms"] if entry["arm"] == name))
        for name in result["means"]
    }


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw Few and all of every arm, a dot for each seed, a bar at the mean.

    Where arms have other seeds, and so other Few classes, their number stands at the name.
    """
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names, seeds = list(result["means"]), seeds_of(result)
    differ = len(set(seeds.values())) > 1
    labels = [f"{name} ({len(seeds[name])} seeds)" if differ else name for name in names]
    figure, axes = plt.subplots(1, 2, figsize=(10, 0.35 * len(names) + 1.2), sharey=True)
    for axis, key in zip(axes, ("few", "all"), strict=True):
        for place, name in enumerate(names):
            values = [100 * entry[key] for entry in result["arms"] if entry["arm"] == name]
            axis.plot(values, [place] * len(values), "o", alpha=0.4, color="tab:blue")
            axis.plot([np.mean(values)] * 2, [place - 0.3, place + 0.3], color="black")
        axis.set_xlabel(f"{'Few' if key == 'few' else 'all classes'}, %")
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), labels)
    axes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
