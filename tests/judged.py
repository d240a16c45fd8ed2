"""Judgements with known content, for small banks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms.format import REJECTED, Judgement, Manifest, row_keys, rows_digest


def judge(
    folder: Path,
    name: str,
    classes: Sequence[int | None],
    *,
    target: float | Sequence[float] = 0.5,
    source: float = 0.5,
    about: dict[str, Any] | None = None,
) -> None:
    """Write what a judge says of each row: its class, and probabilities."""
    targets = [target] * len(classes) if isinstance(target, float) else list(target)
    write(
        folder, name, about or {}, {
            "class": pa.array(classes, pa.int32()),
            "target_probability": pa.array(targets, pa.float32()),
            "source_probability": pa.array([source] * len(classes), pa.float32()),
        },
    )  # fmt: skip


def reject(folder: Path, rows: Sequence[int]) -> None:
    """Reject rows of a bank by their numbers on disk, and accept all others."""
    marks = [row in rows for row in range(Manifest.read(folder).num_rows)]
    write(folder, REJECTED, {}, {REJECTED: pa.array(marks, pa.bool_())})


def write(folder: Path, name: str, about: dict[str, Any], columns: dict[str, pa.Array]) -> None:
    manifest = Manifest.read(folder)
    chunked = {key: pa.chunked_array([values]) for key, values in columns.items()}
    keys, names = row_keys(folder, manifest), list(manifest.class_names)
    Judgement(name, names, keys, chunked, about, rows_digest(manifest)).write(folder)
