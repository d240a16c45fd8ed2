"""Images of the banks that benchmarks build: one reader for rows, one for whole sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genie_transforms.format import decode_image, planes_of
from index.store import read_table


def decoded_rows(
    bank: Path, columns: Sequence[str], *, expected: int | None = None
) -> Iterator[dict[str, Any]]:
    """Read the rows of a bank in the order of its plan, one by one because sweeps are large.

    Args:
        bank: Its folder.
        columns: Names of columns; `image` is decoded to ``(3, H, W)`` uint8, and `sweep`, of a
            bank with `keep_sweep`, to ``(R, 3, H, W)`` uint8.
        expected: Number of rows if every pair gave an image; not checked if not given.

    Raises:
        ValueError: Some pairs gave no image.
    """
    table = read_table(bank, columns)
    if expected is not None and len(table) != expected:
        raise ValueError(
            f"{bank} has {len(table)} of {expected} pairs; the reasons are in {bank / 'stats'}. "
            "An arm without all of its images cannot be compared with the others"
        )
    return _decoded(table)


def _decoded(table: Any) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=1):
        for row in batch.to_pylist():
            if "image" in row:
                row["image"] = _planes(row["image"])
            if "sweep" in row:
                row["sweep"] = torch.stack([_planes(cell) for cell in row["sweep"]])
            yield row


def _planes(cell: dict[str, Any]) -> Tensor:
    return planes_of(decode_image(memoryview(cell["bytes"])))


def read_sweep(bank: Path, source_ids: Sequence[str], num_classes: int) -> Tensor:
    """Read a bank with `keep_sweep` of every image towards every other class.

    Args:
        bank: Its folder.
        source_ids: The S source images, in the order of the first axis.
        num_classes: C.

    Returns:
        ``(S, C, R, 3, H, W)`` uint8, black where the target is the source's own class.

    Raises:
        ValueError: A pair gave no image.
    """
    places = {name: row for row, name in enumerate(source_ids)}
    rows = decoded_rows(
        bank, ["source_id", "label", "sweep"], expected=len(places) * (num_classes - 1)
    )
    sweeps = {(places[row["source_id"]], row["label"]): row["sweep"] for row in rows}
    one = next(iter(sweeps.values()))
    images: Tensor = one.new_zeros((len(places), num_classes, *one.shape))
    for place, sweep in sweeps.items():
        images[place] = sweep
    return images


def read_variations(bank: Path, source_ids: Sequence[str], variations: int) -> Tensor:
    """Read a bank of images that were made again within their class.

    Args:
        bank: Its folder.
        source_ids: The S source images, in the order of the first axis.
        variations: V.

    Returns:
        ``(S, V, 3, H, W)`` uint8.

    Raises:
        ValueError: A pair gave no image.
    """
    made: dict[str, list[Tensor]] = {name: [] for name in source_ids}
    expected = len(source_ids) * variations
    for row in decoded_rows(bank, ["source_id", "image"], expected=expected):
        made[row["source_id"]].append(row["image"])  # the plan has an image's variations in order
    return torch.stack([torch.stack(images) for images in made.values()])
