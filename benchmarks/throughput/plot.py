"""The plot of `benchmarks.throughput`: one panel for each part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genie_transforms import UserError
from genie_transforms.format import atomic_path

OURS, OTHERS, FLOOR = "#d95f02", "#7570b3", "#999999"


Rows = list[dict[str, Any]]


_COLUMNS = 3


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw the parts that were measured.

    Args:
        result: The figures by part: `batch`, `loader`, `memory`, `size`.
        path: The image file; its ending says the format.

    Raises:
        UserError: None of these parts was measured.
    """
    panels: list[tuple[Callable[[Any, Rows], None], Rows]] = []
    for dtype in ("float32", "uint8"):
        rows = [row for row in result.get("batch", []) if row["dtype"] == dtype]
        if rows:
            panels.append((_batches, rows))
    panels += [
        (draw, result[part])
        for part, draw in (("loader", _loaders), ("memory", _memory), ("size", _sizes))
        if part in result
    ]
    if not panels:
        raise UserError(
            f"--plot {path}: nothing to draw in the parts {', '.join(result)}; measure batch, "
            "loader, memory or size"
        )
    columns = min(len(panels), _COLUMNS)
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(5 * columns, 3.8 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).flatten()
    for axis, (draw, rows) in zip(axes, panels, strict=False):
        draw(axis, rows)
    for axis in axes[len(panels) :]:
        axis.remove()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=90, format=path.suffix[1:])


def _batches(axis: Any, rows: Rows) -> None:
    """Draw µs per sample of whole batches as bars."""
    rows = sorted(rows, key=lambda row: -row["us_per_sample"])
    names = [
        row["arm"]
        + (f", p = {row['p']:g}" if row["arm"] == "GeNIeTransform" else "")
        + (", in place" if row.get("in_place") else "")
        for row in rows
    ]
    _bars(axis, names, [row["us_per_sample"] for row in rows])
    axis.set_title(f"one batch, {rows[0]['dtype']}")
    axis.set_xlabel("µs per sample")


def _loaders(axis: Any, rows: Rows) -> None:
    """Draw the speed of loaders relative to the one without augmentation."""
    names = [f"{row['arm']}, {row['num_workers']} workers" for row in rows]
    _bars(axis, names[::-1], [row["relative"] for row in rows][::-1])
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set_title("end to end, from JPEG files")
    axis.set_xlabel("images/s, relative to no augmentation")


def _bars(axis: Any, names: list[str], values: list[float]) -> None:
    """Draw horizontal bars, ours in their own colour, with the numbers beside them."""
    colours = [
        OURS if "GeNIe" in name else FLOOR if name.startswith(("copy", "no ")) else OTHERS
        for name in names
    ]
    bars = axis.barh(range(len(names)), values, color=colours)
    axis.bar_label(bars, fmt="%.4g", padding=2, fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.margins(x=0.12)


def _memory(axis: Any, rows: Rows) -> None:
    """Draw each worker's private memory over epochs."""
    for start in sorted({row["start"] for row in rows}):
        mine = [row for row in rows if row["start"] == start]
        for worker in range(len(mine[0]["private_mib"])):
            values = [row["private_mib"][worker] for row in mine]
            axis.plot([row["epoch"] for row in mine], values, ".-", label=f"{start}, {worker}")
    axis.set_ylim(bottom=0)
    axis.set_title(f"memory of workers, {rows[0]['rows']:,} rows")
    axis.set_xlabel("epoch")
    axis.set_ylabel("private MiB")
    axis.legend(fontsize=7)


def _sizes(axis: Any, rows: Rows) -> None:
    """Draw the cost of a sample and of opening a bank over its rows."""
    counts = [row["rows"] for row in rows]
    axis.plot(counts, [row["us_per_sample"] for row in rows], "o-", label="a sample, µs")
    axis.plot(counts, [row["open_ms"] for row in rows], "s-", label="opening, ms")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_title("size of the bank")
    axis.set_xlabel("rows")
    axis.legend(fontsize=7)
