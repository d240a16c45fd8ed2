"""The contact sheet `preview.png`: source, sweep and r* of some pairs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

from genie_transforms.format import atomic_write

from .strips import strip_path

CHOSEN = "#d95f02"
"""Colour of the frame around X_{r*}."""


_BLOCKS = 2
"""Pairs side by side."""


def write_preview(out: Path, pairs: Sequence[str], noise_ratios: Sequence[float]) -> None:
    """Write `preview.png` from the strips that exist; a failed pair has none.

    Args:
        out: Folder of the bank.
        pairs: Content keys of the pairs, in the order in which they are shown.
        noise_ratios: The sweep, increasing.
    """
    paths = [path for path in (strip_path(out, pair) for pair in pairs) if path.exists()]
    if not paths:
        return
    columns = 1 + len(noise_ratios)
    rows = -(-len(paths) // _BLOCKS)
    figure = Figure(figsize=(_BLOCKS * columns * 1.05, rows * 1.2 + 0.5), layout="constrained")
    blocks: Any = figure.subfigures(1, _BLOCKS, wspace=0.03)
    for number, path in enumerate(paths):
        block, row = divmod(number, rows)
        with Image.open(path) as strip:
            strip.load()
        _draw_strip(blocks[block], rows, row, strip, noise_ratios)
    sink = io.BytesIO()
    figure.savefig(sink, dpi=110, metadata={"Software": f"matplotlib {matplotlib.__version__}"})
    atomic_write(out / "preview.png", sink.getvalue())


def _draw_strip(
    block: Figure, rows: int, row: int, strip: Image.Image, noise_ratios: Sequence[float]
) -> None:
    """Draw one strip into a row of a block: the source, then the sweep with X_{r*} framed."""
    columns, side = 1 + len(noise_ratios), strip.height
    text: dict[Any, str] = strip.info
    chosen = float(text["noise_ratio"])
    for column in range(columns):
        axes = block.add_subplot(rows, columns, row * columns + column + 1)
        axes.imshow(strip.crop((column * side, 0, (column + 1) * side, side)))
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        if column == 0:
            axes.set_title(text["source"], fontsize=8, parse_math=False)
            continue
        ratio = noise_ratios[column - 1]
        axes.set_title(f"r = {ratio:g}", fontsize=8, color="0.4")
        # A strip of another bank holds r* as its row did, in single precision.
        if abs(ratio - chosen) < 1e-6:
            title = f"{text['target']}, r* = {ratio:g}"
            axes.set_title(title, fontsize=8, color=CHOSEN, parse_math=False)  # names may have $
            for spine in axes.spines.values():
                spine.set(visible=True, color=CHOSEN, linewidth=2.5)
