"""The figure of the model: workers, sizes of shards, and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genie_transforms.format import atomic_path

Row = dict[str, Any]

_COLOURS = {"workers": "#7570b3", "ranks": "#4c6a85", "ray": "#d95f02"}
_LABELS = {"workers": "--workers", "ranks": "ranks (torchrun)", "ray": "Ray"}
_LINES = ("-", "--", ":")


def plot(content: Row, path: Path) -> None:
    """Draw efficiency over workers and over sizes of shards.

    Args:
        content: What `main` returns.
        path: The image file; its ending says the format.
    """
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _workers(left, content["workers"])
    _sizes(right, content["sizes"], content["assumed"]["hours_between_deaths"])
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_ylim(0, 1.05)
        axes.set_ylabel("efficiency")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=90, format=path.suffix[1:])


def _workers(axes: Any, rows: list[Row]) -> None:
    data = list(dict.fromkeys(row["data"] for row in rows))
    for name, line in zip(data, _LINES, strict=False):
        for executor in ("ranks", "ray"):  # without deaths --workers is as Ray
            own = [row for row in rows if (row["data"], row["executor"]) == (name, executor)]
            axes.plot(
                [row["workers"] for row in own],
                [row["efficiency"] for row in own],
                line,
                marker=".",
                color=_COLOURS[executor],
                label=f"{name}, {_LABELS[executor]}",
            )
    axes.set_xlabel("workers")
    axes.set_title("one in twenty takes twice as long, none dies", fontsize=9)


def _sizes(axes: Any, rows: list[Row], hours: float) -> None:
    counts = list(dict.fromkeys(row["workers"] for row in rows))
    for count, line in zip(counts, _LINES, strict=False):
        for executor, colour in _COLOURS.items():
            own = [row for row in rows if (row["workers"], row["executor"]) == (count, executor)]
            axes.plot(
                [row["pairs_per_shard"] for row in own],
                [row["efficiency"] for row in own],
                line,
                marker=".",
                color=colour,
                label=f"{count} workers, {_LABELS[executor]}",
            )
    default = next(row["pairs_per_shard"] for row in rows if row["default"])
    axes.axvline(default, color="0.5", linewidth=0.8)
    axes.set_xlabel("pairs per shard; the line is the default")
    axes.set_title(f"ImageNet-1K, each worker dies every {hours:g} hours", fontsize=9)
