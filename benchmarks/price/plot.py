"""Draw what recipes cost against what their negatives are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from genie_transforms.format import atomic_path

_LABELS = {
    "oracle_accuracy": "oracle says target",
    "background_psnr_db": "background PSNR, dB",
    "few_shot_1": "1-shot accuracy",
    "few_shot_5": "5-shot accuracy",
}
_SHAPES = {"paper": "k*", "txt2img": "s", "genie": "^", "ada": "o"}


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw each figure's paired difference to the paper's recipe against rows per true negative.

    Args:
        rows: As `run.row` returns them.
        path: A png file.
    """
    names = [name for name in _LABELS if name in rows[0] and np.isfinite(rows[0][name]["mean"])]
    figure = Figure(figsize=(3.4 * len(names), 3.4), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        for family, shape in _SHAPES.items():
            own = [
                r for r in rows if r["recipe"].startswith(family) and r["rows_per_true_negative"]
            ]
            costs = [entry["rows_per_true_negative"] for entry in own]
            gaps = np.array([entry[name]["difference"] for entry in own])
            ends = np.array([entry[name]["difference_interval"] for entry in own]).reshape(-1, 2)
            spread = np.abs(ends.T - gaps)
            axes.errorbar(costs, gaps, spread, fmt=shape, label=family, capsize=2, elinewidth=0.7)
        axes.axhline(0, color="0.6", linestyle="--", linewidth=1)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("network rows per true negative")
        axes.set_title(f"{_LABELS[name]}: difference to paper", fontsize=9)
        axes.grid(alpha=0.3)
    panels[0].legend(frameon=False, fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
