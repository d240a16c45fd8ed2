"""Shards of a bank that is being built, with known content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from index.store import embeddings_path, write_embeddings, write_shard
from tests.banks import CLASSES, row

STATS: dict[str, Any] = {"failures": [], "network_rows": 10, "seconds": {"network": 1.0}}
BUILD: dict[str, Any] = {"recipe": {"keep_sweep": False, "seed": 0}, "fingerprint": {"model": "m"}}


def write(out: Path, index: int, labels: list[int], **changes: Any) -> None:
    """Write one of two shards, with a row for each label and embeddings beside it."""
    rows = [
        row(index * 10 + k, k, (label + 1) % 3, label, **changes) for k, label in enumerate(labels)
    ]
    keys = [f"{index} {k}" for k in range(len(rows))]
    embeddings = [np.full((4, 2), index, dtype=np.float32)] * len(rows)
    centroids = [np.array([1.0, 0.0])] * len(rows)
    written = write_embeddings(embeddings_path(out, index), keys, embeddings, centroids)
    write_shard(out, index, 2, rows, CLASSES, {**STATS, "embeddings": written})
