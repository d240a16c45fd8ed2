"""Make a bank of images that other code has generated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from genie_transforms import MissingFileError, UserError, source_digest
from genie_transforms.format import BankDescription, Manifest, write_bank

from .foreign_image import ForeignImage

UNKNOWN_DIGEST = "0" * 32
"""Stands for a source image that is not known; no image has this digest."""


_ROWS_PER_SHARD = 1000


def import_bank(
    images: Sequence[ForeignImage], class_names: Sequence[str], out: Path, *, layout: str
) -> Manifest:
    """Write a bank of generated images, whose files are copied as they are.

    Nothing is measured: similarities and `nearest_class` are null, and every row counts as on
    target and as no duplicate, so that the default filter keeps all.

    Args:
        images: The images.
        class_names: Names of the classes; labels are positions in it.
        out: The new folder.
        layout: Where they come from, for the recipe.

    Raises:
        UserError: There are no images, or a source cannot be read.
        FolderInUseError: `out` is not empty.
        MissingFileError: An image is missing.
    """
    if not images:
        raise UserError(f"no generated images were found in the layout {layout!r}")
    missing = [image.path for image in images if not image.path.is_file()]
    if missing:
        raise MissingFileError(f"{len(missing)} images are missing, the first is {missing[0]}")
    starts = range(0, len(images), _ROWS_PER_SHARD)
    parts = (images[start : start + _ROWS_PER_SHARD] for start in starts)
    description = BankDescription(
        class_names=class_names,
        recipe={"method": "import", "layout": layout},
        fingerprint={"imported": layout},
        counts={"pairs": len(images)},
    )
    return write_bank(out, _tables(parts, description), len(starts), description)


def _tables(
    parts: Iterable[Sequence[ForeignImage]], description: BankDescription
) -> Iterator[pa.Table]:
    """Turn each part into a table; columns that are not known are null."""
    labels = {name: label for label, name in enumerate(description.class_names)}
    for part in parts:
        rows = [_row(image, labels) for image in part]
        yield pa.Table.from_pylist(rows, schema=description.schema)


def _row(image: ForeignImage, labels: dict[str, int]) -> dict[str, Any]:
    """Return what is known of an image, as columns of a bank."""
    source = image.source_path
    return {
        "image": {"bytes": image.path.read_bytes(), "path": None},
        "label": labels[image.target],
        "source_label": labels[image.source],
        "source_id": "" if source is None else f"{source.parent.name}/{source.name}",
        "source_digest": UNKNOWN_DIGEST if source is None else _digest(source),
        "noise_ratio": image.noise_ratio,
        "noise_ratios": [image.noise_ratio],
        "projections": [],
        "prompt": image.prompt,
        "method": image.method,
        "on_target": True,
        "duplicate": False,
        "near_duplicate": False,
        "blank": False,
        "stale": False,
    }


@lru_cache(maxsize=4096)  # a source has several generated images
def _digest(path: Path) -> str:
    """Hash a source image as an image loader sees it."""
    try:
        with Image.open(path) as image:
            return source_digest(image.convert("RGB"))
    except OSError as error:
        raise UserError(f"the source image {path} cannot be read: {error}") from error
