"""Sheets: rows of images with captions, and how figures are kept."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from scipy.stats import gaussian_kde
from torch import Tensor

from genie_transforms.format import atomic_write

from .material import Floats

CHOSEN = "#d95f02"
"""Colour of X_{r*} and of the target."""

SOURCE = "#4c6a85"
"""Colour of the source."""

_SVG = {"svg.hashsalt": "genie", "svg.fonttype": "path"}
"""The same figure gives the same bytes."""

GRID = np.linspace(0, 1, 201)
"""Where densities of probabilities are drawn."""


@dataclass(frozen=True)
class Drawn:
    """A figure, and the numbers that it shows.

    Attributes:
        figure: The figure.
        numbers: Ready for JSON.
        has_images: It shows images, so there is no SVG: it would hold them all, unreadably large.
    """

    figure: Figure
    numbers: Mapping[str, Any] = field(default_factory=dict)
    has_images: bool = False


@dataclass(frozen=True)
class SheetRow:
    """A row of images.

    Attributes:
        images: ``(3, H, W)`` uint8 each; None for an empty place.
        captions: Above each image.
        label: Left of the row.
        framed: Places with a frame.
    """

    images: Sequence[Tensor | None]
    captions: Sequence[str]
    label: str = ""
    framed: Sequence[int] = ()


def sheet(rows: Sequence[SheetRow]) -> Figure:
    """Return a figure of rows of images, whose widest row decides the columns."""
    columns = max(len(row.images) for row in rows)
    size = 0.9 * columns + 0.9, 1.07 * len(rows) + 0.1
    tight = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    figure = Figure(figsize=size, layout=tight)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        for place, axes in enumerate(line):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if place >= len(row.images) or row.images[place] is None:
                continue
            image: Any = row.images[place]
            axes.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
            framed = place in row.framed
            colour = CHOSEN if framed else "0.2"
            # Names of classes may have a $.
            axes.set_title(row.captions[place], fontsize=7, color=colour, pad=2, parse_math=False)
            if framed:
                axes.spines[:].set(visible=True, color=CHOSEN, linewidth=2)
        line[0].set_ylabel(row.label, fontsize=7, parse_math=False)
    return figure


def density(axes: Axes, values: Floats, points: Floats, colour: str, label: str) -> Floats:
    """Draw the density of values and return it at `points`, both ``(N,)``."""
    if np.ptp(values) < 1e-9:  # no density of a single value
        axes.axvline(values[0], color=colour, label=label)
        return np.zeros_like(points)
    estimate: Floats = gaussian_kde(values)(points)
    axes.plot(points, estimate, color=colour, label=label)
    axes.fill_between(points, estimate, color=colour, alpha=0.2, linewidth=0)
    return estimate


def keep(folder: Path, name: str, drawn: Drawn) -> list[Path]:
    """Write a figure as PNG, and as SVG if it shows no images; return the files."""
    paths = []
    for kind in ("png",) if drawn.has_images else ("png", "svg"):
        sink = io.BytesIO()
        about = {"Date": None} if kind == "svg" else {"Software": None}
        with matplotlib.rc_context(_SVG):
            drawn.figure.savefig(sink, dpi=110, format=kind, metadata=about)
        paths.append(folder / f"{name}.{kind}")
        atomic_write(paths[-1], sink.getvalue())
    return paths
