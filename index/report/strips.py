"""Strips: the sweep of a pair in one row of images, kept in `preview/` for the contact sheet.

They are files of their own, so that a pair that was made before, here or in another bank, can be
shown without being made again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from genie_transforms.format import atomic_write


def save_strip(
    out: Path, pair: str, images: Tensor, *, source: str, target: str, noise_ratio: float
) -> None:
    """Write the sweep of a pair for the contact sheet.

    Args:
        out: Folder of the bank.
        pair: Content key of the pair.
        images: Source, then the sweep, ``(1 + R, 3, H, W)`` uint8.
        source: Name of the source's class.
        target: Name of the target class.
        noise_ratio: r*.
    """
    strip = VF.to_pil_image(images.permute(1, 2, 0, 3).flatten(2))
    # Names and r* travel in the file: a strip may come from another bank's cache.
    text = PngInfo()
    for key, value in {"source": source, "target": target, "noise_ratio": noise_ratio}.items():
        text.add_text(key, str(value))
    sink = io.BytesIO()
    strip.save(sink, format="PNG", pnginfo=text)
    atomic_write(strip_path(out, pair), sink.getvalue())


def strip_path(folder: Path, pair: str) -> Path:
    """Return the file of a pair's strip."""
    return folder / "preview" / f"{pair}.png"


def shown_strips(out: Path, wanted: Sequence[str], others: Sequence[str]) -> list[str]:
    """Choose the pairs of the contact sheet among those that have a strip.

    A pair that was made before may have none, so others fill the sheet.

    Args:
        out: Folder of the bank.
        wanted: Content keys of pairs, as many as the sheet shows.
        others: Content keys of all pairs.

    Returns:
        At most as many content keys as are wanted, the wanted ones first.
    """
    existing = {path.stem for path in (out / "preview").glob("*.png")}
    pairs = dict.fromkeys(pair for pair in chain(wanted, others) if pair in existing)
    return list(pairs)[: len(wanted)]
