"""The contact sheet `preview.png`: source, sweep and choice of some pairs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from genie_transforms.format import atomic_write


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
    atomic_write(strip_path(out, pair), sink.getvalue())


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
