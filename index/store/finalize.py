"""What makes finished shards a bank: judgements, the files of `datasets` and the manifest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genie_transforms.format import (
    PIXEL_KEYS,
    SOURCES,
    KnownSources,
    Manifest,
    PixelKeys,
    arrow_schema,
    carry_judgements,
    finish_bank,
)

from .shards import read_stats

logger = logging.getLogger("genie.build")

# Every library whose release may change pixels, embeddings, neighbours or bytes; FAISS is one of
# several packages.
_FAISS = ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu12", "faiss-gpu-cu11")
_VERSIONS = ("torch", "torchvision", "diffusers", "transformers", *_FAISS, "numpy", "pyarrow")


def finalize(
    out: Path,
    class_names: Sequence[str],
    build: dict[str, Any],
    num_pairs: int,
    sources: KnownSources | None = None,
    pixel_keys: PixelKeys | None = None,
) -> None:
    """Write what makes finished shards a bank; the manifest comes last.

    Args:
        out: Folder of the bank.
        class_names: Names of the classes; labels are positions in it.
        build: Recipe and fingerprint, ready for JSON.
        num_pairs: Pairs of the plan, made or failed.
        sources: All source images, also those without a pair.
        pixel_keys: Their fast keys.
    """
    stats = read_stats(out)
    shards = [entry["shard"] for entry in stats]
    schema = arrow_schema(class_names, keep_sweep=build["recipe"]["keep_sweep"])
    counts = {
        "pairs": num_pairs,
        "rows": sum(shard["rows"] for shard in shards),
        "failed": sum(len(entry["failures"]) for entry in stats),
        # Of the last build of each shard: what reused pairs cost before was not kept.
        "network_rows": sum(entry["network_rows"] for entry in stats),
        # Shards that were written before pairs could be reused do not have the number.
        "reused": sum(entry.get("reused", 0) for entry in stats),
        "shards": len(shards),
    }
    manifest = Manifest(
        class_names=list(class_names),
        recipe=build["recipe"],
        fingerprint=build["fingerprint"],
        counts=counts,
        shards=shards,
        versions=_versions(),
        sources=None if sources is None else sources.write(out / SOURCES),
        pixel_keys=None if pixel_keys is None else pixel_keys.write(out / PIXEL_KEYS),
    )
    for name in carry_judgements([out], out, manifest):
        logger.warning(
            "the judgement %s is gone: the bank has other classes than the judge was asked for; "
            "run python -m index.judge again", name
        )  # fmt: skip
    finish_bank(out, manifest, schema)


def _versions() -> dict[str, str]:
    """Return the releases that are installed, by name of the package."""
    versions = {}
    for name in _VERSIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
