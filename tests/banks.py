"""Small banks with known content, written by the format's own writer."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from torch.utils.data import Dataset

from genie_transforms import format as bank_format
from genie_transforms import source_digest

CLASSES = ("cat", "dog", "bird")
SIZE = 16


def source_image(index: int, size: int = SIZE) -> Image.Image:
    """An image of noise: each index another one."""
    generator = np.random.default_rng(index)
    return Image.fromarray(generator.integers(0, 256, (size, size, 3), dtype=np.uint8))


class Photos(Dataset[Any]):
    """A dataset with classes and targets that counts what was read."""

    def __init__(self) -> None:
        self.classes = list(CLASSES)
        self.targets = [index % 3 for index in range(6)]
        self.num_read = 0

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        self.num_read += 1
        return source_image(index), self.targets[index]


def negative_colour(row: int) -> tuple[int, int, int]:
    """The one colour of the negative in a row: it tells which row an image is."""
    return (row % 251, (row * 7) % 251, 128)


def row_of(pixels: np.ndarray) -> int:
    """Tell the row of a negative from its ``(H, W, 3)`` pixels, for banks up to 251 rows."""
    assert (pixels == pixels[0, 0]).all()
    assert pixels[0, 0, 2] == 128
    return int(pixels[0, 0, 0])


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def row(
    index: int, source: int, source_label: int, label: int, size: int = SIZE, **changes: Any
) -> dict[str, Any]:
    """One row whose negative has `negative_colour(index)`."""
    negative = Image.new("RGB", (size, size), negative_colour(index))
    columns = {
        "image": {"bytes": png(negative), "path": None},
        "label": label,
        "source_label": source_label,
        "source_id": f"{source}.png",
        "source_digest": source_digest(source_image(source, size)),
        "noise_ratio": 0.7,
        "noise_ratios": [0.5, 0.7, 0.9],
        "projections": [0.1, 0.6, 0.9],
        "prompt": f"A photo of a {label}",
        "seed": index,
        "method": "genie-ada",
        "target_similarity": 0.5,
        "margin": 0.1,
        "nearest_class": label,
        "source_similarity": 0.5,
        "on_target": True,
        "duplicate": False,
        "near_duplicate": False,
        "blank": False,
        "stale": False,
    }
    return {**columns, **changes}


def all_pairs(
    num_sources: int = 6, num_classes: int = len(CLASSES), size: int = SIZE
) -> list[dict[str, Any]]:
    """Every source with every other class; source i has class i mod `num_classes`."""
    rows: list[dict[str, Any]] = []
    for source in range(num_sources):
        own = source % num_classes
        rows += [
            row(len(rows) + offset, source, own, label, size)
            for offset, label in enumerate(c for c in range(num_classes) if c != own)
        ]
    return rows


def known_sources(labels: dict[int, int]) -> bank_format.KnownSources:
    """Source images by their index, with their classes."""
    digests = [source_digest(source_image(index)) for index in labels]
    return bank_format.KnownSources.of(digests, list(labels.values()))


def pixel_keys(indices: Iterable[int]) -> bank_format.PixelKeys:
    """Fast keys of source images by their index."""
    images = [source_image(index) for index in indices]
    return bank_format.PixelKeys.of(
        [bank_format.pixel_key(image) for image in images],
        [source_digest(image) for image in images],
    )


def write_bank(
    folder: Path,
    rows: Sequence[dict[str, Any]] | None = None,
    *,
    class_names: Sequence[str] = CLASSES,
    num_shards: int = 2,
    keep_sweep: bool = False,
    known: bool = False,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Path:
    """Write a finished bank; `change` alters the manifest's fields.

    With `known`, it knows 30 source images, more than have rows; source i has class i mod 3.
    """
    rows = all_pairs() if rows is None else rows
    counts = {"pairs": len(rows)}
    sources = known_sources({index: index % len(CLASSES) for index in range(30)})
    description = bank_format.BankDescription(
        class_names=class_names,
        counts=counts,
        keep_sweep=keep_sweep,
        sources=sources if known else None,
        pixel_keys=pixel_keys(range(30)) if known else None,
    )
    bounds = np.linspace(0, len(rows), num_shards + 1).astype(int).tolist()
    tables = (
        pa.Table.from_pylist(list(rows[start:stop]), schema=description.schema)
        for start, stop in itertools.pairwise(bounds)
    )
    manifest = bank_format.write_bank(folder, tables, num_shards, description)
    if change is not None:
        manifest = bank_format.Manifest(**change(asdict(manifest)))
        (folder / bank_format.MANIFEST).write_text(manifest.to_json())
    return folder
