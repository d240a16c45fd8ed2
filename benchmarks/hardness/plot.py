"""The plot of the hardness benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genie_transforms.format import atomic_path

_SHOWN = {"off_diagonal": "taken for another class, %", "to_source": "taken for the source, %"}


_COLOURS = {"random": "0.5", "nearest": "#d95f02", "confusion": "#4c6a85"}


def plot(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw hardness against r, a row for each judge and a line for each plan."""
    judges = list(dict.fromkeys(entry["judge"] for entry in results))
    figure = Figure(figsize=(8, 2.8 * len(judges)), layout="constrained")
    grid = figure.subplots(len(judges), len(_SHOWN), sharex=True, squeeze=False)
    for row, judge in zip(grid, judges, strict=True):
        for axes, (key, label) in zip(row, _SHOWN.items(), strict=True):
            for plan, colour in _COLOURS.items():
                own = [
                    entry
                    for entry in results
                    if (entry["judge"], entry["plan"]) == (judge, plan)
                    and entry["noise_ratio"] != "ada"
                ]
                ratios = [entry["noise_ratio"] for entry in own]
                low, high = zip(*(entry[key]["interval"] for entry in own), strict=True)
                axes.plot(ratios, [e[key]["mean"] for e in own], "o-", color=colour, label=plan)
                axes.fill_between(ratios, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.set_title(f"judge: {judge}", fontsize=9)
            axes.set_ylabel(label)
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.3)
    for axes in grid[-1]:
        axes.set_xlabel("noise ratio r")
    grid[0][0].legend(fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
