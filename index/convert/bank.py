"""Make a bank of images that other code has generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from genie_transforms import source_digest
from genie_transforms.format import Manifest, arrow_schema, write_bank

from .negative import Negative

UNKNOWN_DIGEST = "0" * 32
"""Stands for a source picture that is not known; no picture has this digest."""


_ROWS_PER_SHARD = 1000


def import_bank(
    negatives: Sequence[Negative], class_names: Sequence[str], out: Path, *, layout: str
) -> Manifest:
    """Write a bank of generated images, whose files are copied as they are.

    Nothing is measured: similarities and `nearest_class` are null, and every row counts as on
    target and as no duplicate, so that the default filter keeps all.

    Args:
        negatives: The images.
        class_names: Names of the classes; labels are positions in it.
        out: The new folder.
        layout: Where they come from, for the recipe.

    Raises:
        ValueError: There are no images.
        FileExistsError: `out` is not empty.
        FileNotFoundError: An image is missing.
    """
    if not negatives:
        raise ValueError(f"no generated images were found in the layout {layout!r}")
    missing = [negative.path for negative in negatives if not negative.path.is_file()]
    if missing:
        raise FileNotFoundError(f"{len(missing)} images are missing, the first is {missing[0]}")
    starts = range(0, len(negatives), _ROWS_PER_SHARD)
    parts = (negatives[start : start + _ROWS_PER_SHARD] for start in starts)
    return write_bank(
        out,
        _tables(parts, class_names),
        num_shards=len(starts),
        class_names=class_names,
        recipe={"method": "import", "layout": layout},
        fingerprint={"imported": layout},
        counts={"pairs": len(negatives)},
    )


def _tables(parts: Iterator[Sequence[Negative]], class_names: Sequence[str]) -> Iterator[pa.Table]:
    """Turn each part into a table; columns that are not known are null."""
    schema = arrow_schema(class_names)
    labels = {name: label for label, name in enumerate(class_names)}
    for part in parts:
        rows = [_row(negative, labels) for negative in part]
        yield pa.Table.from_pylist(rows, schema=schema)


def _row(negative: Negative, labels: dict[str, int]) -> dict[str, Any]:
    """Give what is known of an image, as columns of a bank."""
    source = negative.source_path
    return {
        "image": {"bytes": negative.path.read_bytes(), "path": None},
        "label": labels[negative.target],
        "source_label": labels[negative.source],
        "source_id": "" if source is None else f"{source.parent.name}/{source.name}",
        "source_digest": UNKNOWN_DIGEST if source is None else _digest(source),
        "noise_ratio": negative.noise_ratio,
        "noise_ratios": [negative.noise_ratio],
        "projections": [],
        "prompt": negative.prompt,
        "method": negative.method,
        "on_target": True,
        "duplicate": False,
        "near_duplicate": False,
        "blank": False,
        "stale": False,
    }


@lru_cache(maxsize=4096)
def _digest(path: Path) -> str:
    """Hash a source picture as an image loader sees it; it has several negatives."""
    with Image.open(path) as image:
        return source_digest(image.convert("RGB"))
