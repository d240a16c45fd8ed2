"""Build a bank: `python -m index.build`."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from genie_transforms.format import decode_image, planes_of
from index.config import BuildConfig
from index.generate import RStarCache
from index.store import SUPERSEDED, PairStore, read_stats, read_table

logger = logging.getLogger("genie.build")


def record_choices(config: BuildConfig, names: Sequence[str], scope: str) -> RStarCache:
    """Return every r* that was chosen, by source digest and name of the target."""
    r_stars = RStarCache(scope)
    if config.method == "genie-ada":
        table = read_table(config.out, ["source_digest", "label", "noise_ratio"])
        for row in table.to_pylist():
            ratio = round(row["noise_ratio"], 6)  # stored in single precision
            r_stars.record(row["source_digest"], names[row["label"]], ratio)
    return r_stars


def remove_leftovers(out: Path, keys: set[str]) -> None:
    """Remove what was set aside once all of it is in the bank again, and halves of shards."""
    shards = {entry["shard"]["name"] for entry in read_stats(out)}
    for path in out.glob("data-*-of-*.arrow"):
        if path.name not in shards:
            path.unlink()
    left = PairStore(out / SUPERSEDED).keys() - keys
    if left:
        logger.info("%s keeps %d pairs that this plan does not have", out / SUPERSEDED, len(left))
    elif (out / SUPERSEDED).exists():
        shutil.rmtree(out / SUPERSEDED)


def preview_pairs(num_pairs: int, count: int) -> list[int]:
    """Choose pairs for the contact sheet, evenly over the plan."""
    count = min(count, num_pairs)
    return [k * num_pairs // count for k in range(count)]


def stored_images(out: Path) -> torch.Tensor:
    """Decode every image of a small bank, ``(N, 3, H, W)`` uint8."""
    cells = read_table(out, ["image"])["image"].to_pylist()
    return torch.stack([planes_of(decode_image(memoryview(cell["bytes"]))) for cell in cells])
