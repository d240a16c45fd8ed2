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
    """Draw hardness against r, a line for each plan; Txt2Img's as a cross, real images dotted."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    for axes, (key, label) in zip(figure.subplots(1, len(_SHOWN)), _SHOWN.items(), strict=True):
        for plan, colour in _COLOURS.items():
            of_plan = {entry["noise_ratio"]: entry for entry in results if entry["plan"] == plan}
            ratios = [ratio for ratio in of_plan if not isinstance(ratio, str)]
            low, high = zip(*(of_plan[r][key]["interval"] for r in ratios), strict=True)
            means = [of_plan[ratio][key]["mean"] for ratio in ratios]
            axes.plot(ratios, means, "o-", color=colour, label=plan)
            axes.fill_between(ratios, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot([1], [of_plan["txt2img"][key]["mean"]], "x", color=colour)
            axes.axhline(of_plan["real"][key]["mean"], color=colour, linestyle=":", linewidth=1)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("noise ratio r; x: Txt2Img, dotted: real images")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
