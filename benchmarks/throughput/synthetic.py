"""Synthetic banks and photographs of any size, for measuring speed and memory only."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from genie_transforms import source_digest
from genie_transforms.format import MANIFEST, Manifest, arrow_schema, shard_name

_ROWS_PER_SHARD = 10_000


def picture(index: int, size: int) -> Image.Image:
    """Make a picture that compresses like a photograph: smooth, with some noise."""
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
        (folder / f"{index:06d}.jpg").write_bytes(jpeg(picture(index, size)))
    return root


def write_bank(
    folder: Path, num_rows: int, num_classes: int, size: int, *, num_distinct: int = 64
) -> Path:
    """Write a bank whose row i has label i mod `num_classes`.

    Args:
        folder: Where to.
        num_rows: Rows.
        num_classes: Classes, named as `write_folder` names them.
        size: Height and width in pixels.
        num_distinct: Number of different pictures, for decoding costs the same for equal ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    blobs = [jpeg(picture(10**6 + index, size)) for index in range(num_distinct)]
    names = [f"class{label:04d}" for label in range(num_classes)]
    schema, shards = arrow_schema(names), []
    count = -(-num_rows // _ROWS_PER_SHARD)
    for index in range(count):
        rows = range(index * _ROWS_PER_SHARD, min(num_rows, (index + 1) * _ROWS_PER_SHARD))
        columns = _columns(np.arange(rows.start, rows.stop), num_classes, blobs)
        name = shard_name(index, count)
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, schema) as out:
            out.write_table(pa.Table.from_pydict(columns, schema=schema))
        with (folder / name).open("rb") as written:
            checksum = hashlib.file_digest(written, "sha256").hexdigest()
        shards.append({"name": name, "rows": len(rows), "sha256": checksum})
    counts = {"pairs": num_rows, "rows": num_rows, "failed": 0, "shards": count}
    manifest = Manifest(names, {"synthetic": size}, {}, counts, shards, {})
    (folder / MANIFEST).write_text(manifest.to_json())
    return folder


def _columns(rows: np.ndarray[Any, Any], num_classes: int, blobs: list[bytes]) -> dict[str, Any]:
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


def write_bank_of(folder: Path, photos: Path, num_classes: int, size: int) -> Path:
    """Write a bank that knows the pictures of an ImageFolder, one negative for each.

    The row's digest is that of the file as a loader sees it, so that an image alone is found.
    """
    from torchvision.datasets import ImageFolder

    dataset = ImageFolder(str(photos))
    path = write_bank(folder, len(dataset), num_classes, size)
    (shard,) = sorted(path.glob("data-*.arrow"))
    table = pa.ipc.open_stream(shard.read_bytes()).read_all()
    labels = np.array(dataset.targets)
    targets = (labels + 1) % num_classes
    for name, values in (
        ("source_digest", [source_digest(image) for image, _ in dataset]),
        ("source_label", labels),
        ("label", targets),
        ("nearest_class", targets),
    ):
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        table = table.set_column(place, field, pa.array(values, type=field.type))
    with pa.OSFile(str(shard), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    return path
