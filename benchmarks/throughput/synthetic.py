"""Synthetic banks and photographs of any size, for measuring speed and memory only."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from genie_transforms import format as bank_format
from genie_transforms import source_digest

_ROWS_PER_SHARD = 10_000
Columns = dict[str, Any]


def synthetic_image(index: int, size: int) -> Image.Image:
    """Make an image that compresses like a photograph: smooth, with some noise."""
    generator = np.random.default_rng(index)
    coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    noise = generator.normal(0, 6, (size, size, 3))
    return Image.fromarray(np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image) -> bytes:
    """Encode as JPEG, quality 90."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_folder(root: Path, num_images: int, num_classes: int, size: int) -> Path:
    """Write JPEG files as an ImageFolder; image i has class i mod `num_classes`."""
    for index in range(num_images):
        folder = root / f"class{index % num_classes:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:06d}.jpg").write_bytes(jpeg(synthetic_image(index, size)))
    return root


def write_bank(
    folder: Path, num_rows: int, num_classes: int, size: int, *, num_distinct: int = 64
) -> Path:
    """Write a bank whose row i has label i mod `num_classes`.

    Args:
        folder: The new folder.
        num_rows: Rows.
        num_classes: Classes, named as `write_folder` names them.
        size: Height and width in pixels.
        num_distinct: Number of different images, for decoding costs the same for equal ones.
    """
    return _write(folder, num_rows, num_classes, size, num_distinct=num_distinct)


def write_bank_of(folder: Path, photos: Path, num_classes: int, size: int) -> Path:
    """Write a bank that knows the images of an ImageFolder, one negative for each.

    The row's digest is that of the file as a loader sees it, so that an image alone is found.
    """
    from torchvision.datasets import ImageFolder

    dataset = ImageFolder(str(photos))
    labels = np.array(dataset.targets)
    targets = (labels + 1) % num_classes
    digests = [source_digest(image) for image, _ in dataset]
    keys = bank_format.PixelKeys.of([bank_format.pixel_key(image) for image, _ in dataset], digests)
    changes = {
        "source_digest": digests,
        "source_label": labels,
        "label": targets,
        "nearest_class": targets,
    }
    return _write(folder, len(dataset), num_classes, size, changes=changes, pixel_keys=keys)


def _write(
    folder: Path,
    num_rows: int,
    num_classes: int,
    size: int,
    *,
    num_distinct: int = 64,
    changes: Columns | None = None,
    pixel_keys: bank_format.PixelKeys | None = None,
) -> Path:
    """Write a bank; `changes` are whole columns that differ from those of `_columns`."""
    # Far from the numbers of `write_folder`: a negative is another image than any source.
    blobs = [jpeg(synthetic_image(10**6 + index, size)) for index in range(num_distinct)]
    description = bank_format.BankDescription(
        class_names=[f"class{label:04d}" for label in range(num_classes)],
        recipe={"synthetic": size},
        counts={"pairs": num_rows},
        pixel_keys=pixel_keys,
    )
    starts = range(0, num_rows, _ROWS_PER_SHARD)

    def tables() -> Iterator[pa.Table]:
        for start in starts:
            rows = np.arange(start, min(num_rows, start + _ROWS_PER_SHARD))
            columns = _columns(rows, num_classes, blobs)
            for name, values in (changes or {}).items():
                columns[name] = values[start : start + len(rows)]
            yield pa.Table.from_pydict(columns, schema=description.schema)

    bank_format.write_bank(folder, tables(), len(starts), description)
    return folder


def _columns(rows: np.ndarray[Any, Any], num_classes: int, blobs: list[bytes]) -> Columns:
    """Make the columns of some rows."""
    n = len(rows)
    labels = rows % num_classes
    return {
        "image": [{"bytes": blobs[row % len(blobs)], "path": None} for row in rows.tolist()],
        "label": labels,
        "source_label": (labels + 1) % num_classes,
        "source_id": [str(row) for row in rows.tolist()],
        "source_digest": [f"{row:032x}" for row in rows.tolist()],
        "noise_ratio": np.full(n, 0.7, dtype=np.float32),
        "noise_ratios": [[0.7]] * n,
        "projections": [[0.6]] * n,
        "prompt": ["A photo of a thing"] * n,
        "seed": rows,
        "method": ["genie"] * n,
        "target_similarity": np.ones(n, dtype=np.float32),
        "margin": np.full(n, 0.1, dtype=np.float32),
        "nearest_class": labels,
        "source_similarity": np.zeros(n, dtype=np.float32),
        "on_target": np.ones(n, dtype=bool),
        "duplicate": np.zeros(n, dtype=bool),
        "near_duplicate": np.zeros(n, dtype=bool),
        "blank": np.zeros(n, dtype=bool),
        "stale": np.zeros(n, dtype=bool),
    }
