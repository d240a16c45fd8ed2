"""The contact sheet `preview.png`: source, sweep and choice of some pairs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from ..whole import write_whole

CHOSEN = "#d95f02"
_BLOCKS = 2  # pairs side by side


def save_strip(
    out: Path, pair: str, images: Tensor, *, source: str, target: str, noise_ratio: float
) -> None:
    """Keep the sweep of a pair for the contact sheet.

    Args:
        out: Folder of the bank.
        pair: Name of the pair.
        images: Source, then the sweep, ``(1 + R, 3, H, W)`` uint8.
        source: Name of the source's class.
        target: Name of the target class.
        noise_ratio: The chosen one.
    """
    strip = VF.to_pil_image(images.permute(1, 2, 0, 3).flatten(2))
    text = PngInfo()
    for key, value in {"source": source, "target": target, "noise_ratio": noise_ratio}.items():
        text.add_text(key, str(value))
    sink = io.BytesIO()
    strip.save(sink, format="PNG", pnginfo=text)
    write_whole(strip_path(out, pair), sink.getvalue())


def strip_path(folder: Path, pair: str) -> Path:
    """Give the file of a pair's strip."""
    return folder / "preview" / f"{pair}.png"


def strips(out: Path, wanted: Sequence[str], others: Sequence[str]) -> list[str]:
    """Choose the pairs of the contact sheet among those that have a strip.

    A pair that was made before may have none, so others fill the sheet.

    Args:
        out: Folder of the bank.
        wanted: Names of pairs, as many as the sheet shows.
        others: Names of all pairs.
    """
    there = {path.stem for path in (out / "preview").glob("*.png")}
    names = dict.fromkeys(name for name in (*wanted, *others) if name in there)
    return list(names)[: len(wanted)]


def write_preview(out: Path, pairs: Sequence[str], noise_ratios: Sequence[float]) -> None:
    """Write `preview.png` from the strips that exist; a failed pair has none.

    Args:
        out: Folder of the bank.
        pairs: Names of the pairs.
        noise_ratios: The sweep.
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
    write_whole(out / "preview.png", sink.getvalue())


def _draw_strip(
    block: Figure, rows: int, row: int, strip: Image.Image, noise_ratios: Sequence[float]
) -> None:
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
            axes.set_title(text["source"], fontsize=8)
            continue
        ratio = noise_ratios[column - 1]
        axes.set_title(f"r = {ratio:g}", fontsize=8, color="0.4")
        if abs(ratio - chosen) < 1e-6:
            axes.set_title(f"{text['target']}, r* = {ratio:g}", fontsize=8, color=CHOSEN)
            for spine in axes.spines.values():
                spine.set(visible=True, color=CHOSEN, linewidth=2.5)
