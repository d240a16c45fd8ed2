"""Write one shard atomically, list the finished ones, finalize a bank.

A shard is finished when its stats file exists: data is written to a temporary name, flushed to
disk and renamed, and only then are the stats written, in the same way. Whatever was interrupted
before that is simply done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genie_transforms.format import (
    MANIFEST,
    Manifest,
    arrow_schema,
    atomic_write,
    dataset_files,
    write_json,
)

from .shards import read_stats

_VERSIONS = ("torch", "torchvision", "diffusers", "transformers", "faiss-cpu", "numpy", "pyarrow")


def finalize(out: Path, class_names: Sequence[str], build: dict[str, Any], num_pairs: int) -> None:
    """Write what makes finished shards a bank; the manifest comes last."""
    stats = read_stats(out)
    shards = [entry["shard"] for entry in stats]
    schema = arrow_schema(class_names, keep_sweep=build["recipe"]["keep_sweep"])
    for name, content in dataset_files(schema, shards).items():
        write_json(out / name, content)
    counts = {
        "pairs": num_pairs,
        "rows": sum(shard["rows"] for shard in shards),
        "failed": sum(len(entry["failures"]) for entry in stats),
        "network_rows": sum(entry["network_rows"] for entry in stats),
        "reused": sum(entry.get("reused", 0) for entry in stats),
        "shards": len(shards),
    }
    manifest = Manifest(
        class_names=list(class_names),
        recipe=build["recipe"],
        fingerprint=build["fingerprint"],
        counts=counts,
        shards=shards,
        versions={name: version(name) for name in _VERSIONS},
    )
    atomic_write(out / MANIFEST, manifest.to_json().encode())
