"""Folders of many shards, written and read: what grows with their number, in seconds of CPU."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import torch

from genie_transforms import Bank
from genie_transforms.format import (
    MANIFEST,
    Manifest,
    arrow_schema,
    dataset_files,
    encode_image,
    shard_name,
    stats_checksum,
    write_shard,
)
from index.store import finished_shards, read_stats

Row = dict[str, Any]
Result = TypeVar("Result")

ROWS = 50
"""Of each shard; the shards of a bank are links to one file."""


CLASSES = ["a", "b"]


def statistics(count: int) -> Row:
    """Measure what a build reads and writes of shards that are finished: no rows."""
    with tempfile.TemporaryDirectory() as root:
        out = Path(root)
        (out / "stats").mkdir()
        entries = []
        for number in range(count):
            stats = _stats(number, count)
            entries.append(stats["shard"])
            text = json.dumps(stats, indent=2, sort_keys=True) + "\n"
            (out / "stats" / f"{number:05d}.json").write_text(text)
        _, listing = _timed(lambda: finished_shards(out))
        _, reading = _timed(lambda: read_stats(out))
        manifest, state = _manifest(entries), dataset_files(arrow_schema(CLASSES), entries)
        text, writing = _timed(manifest.to_json)
        (out / MANIFEST).write_text(text)
        _, opening = _timed(lambda: Manifest.read(out))
    return {
        "shards": count,
        "listing_seconds": round(listing, 3),
        "statistics_seconds": round(reading, 2),
        "manifest_bytes": len(text),
        "manifest_write_seconds": round(writing, 2),
        "manifest_read_seconds": round(opening, 2),
        "state_bytes": len(json.dumps(state["state.json"])),
    }


def opening(count: int) -> Row:
    """Measure the opening of a bank of many shards of 50 rows."""
    with tempfile.TemporaryDirectory() as root:
        out = Path(root)
        schema = arrow_schema(CLASSES)
        table = pa.Table.from_pylist([_row()] * ROWS, schema=schema)
        entry = write_shard(out / "shard", table, schema)
        entries = [{**entry, "name": shard_name(number, count)} for number in range(count)]
        for one in entries:
            os.link(out / "shard", out / one["name"])
        (out / MANIFEST).write_text(_manifest(entries).to_json())
        bank = Bank(out, None)  # shards are mapped when they are asked for
        rows, seconds = _timed(lambda: len(bank))
        maps = Path("/proc/self/maps").read_text().count(str(out))
        _, drawing = _timed(lambda: [bank.image(row) for row in range(0, rows, rows // 100)])
    return {
        "shards": count,
        "rows": rows,
        "open_seconds": round(seconds, 2),
        "maps": maps,
        "image_microseconds": round(drawing / 100 * 1e6),
    }


def _timed(act: Callable[[], Result]) -> tuple[Result, float]:
    """Return what something gives, and the seconds of CPU that it takes: others work here, too."""
    start = time.process_time()
    return act(), time.process_time() - start


def _stats(number: int, count: int) -> Row:
    """Make up statistics as long as those of a real shard without failures."""
    digest = f"{number:064x}"
    content: Row = {
        "ada": {"full": ROWS, "previews": 0, "votes": 0, "disagreed": 0},
        "build": {"plan": digest[:32], "scope": digest[32:]},
        "embeddings": {"name": f"{number:05d}.arrow", "rows": ROWS, "sha256": digest},
        "failures": [],
        "network_rows": 350 * ROWS,
        "repeated": [],
        "reused": 0,
        "seconds": {"read": 1.234, "encode": 1.234, "network": 123.456, "select": 0.123},
        "shard": {"name": shard_name(number, count), "rows": ROWS, "sha256": digest},
    }
    return {**content, "checksum": stats_checksum(content)}


def _manifest(entries: list[Row]) -> Manifest:
    return Manifest(CLASSES, {}, {}, {"pairs": ROWS * len(entries)}, entries, {})


def _row() -> Row:
    image = torch.zeros(3, 8, 8, dtype=torch.uint8)
    digest = "0" * 32
    return {
        "image": encode_image(image, "png"), "label": 1, "source_label": 0, "source_id": "0.png",
        "source_digest": digest, "noise_ratio": 0.7, "noise_ratios": [0.5, 0.7, 0.9],
        "projections": [0.1, 0.6, 0.9], "prompt": "A photo of a b", "seed": 0,
        "method": "genie-ada", "target_similarity": 0.5, "margin": 0.1, "nearest_class": 1,
        "source_similarity": 0.5, "on_target": True, "duplicate": False, "near_duplicate": False,
        "blank": False, "stale": False,
    }  # fmt: skip
