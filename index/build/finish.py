"""Finish a bank whose shards are all there: marks, index, card, preview, manifest, summary."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import torch
from PIL import Image

from genie_transforms.format import KnownSources, decode_image, planes_of, write_card
from index.config import BuildConfig
from index.demo import ORACLE, oracle_names
from index.report import shown_strips, summarize, write_preview, write_report
from index.sources import Source
from index.store import (
    SUPERSEDED,
    PairStore,
    finalize,
    mark_near_duplicates,
    read_stats,
    read_table,
)

from .bad_images import write_bad_images
from .describe import Description
from .prepare import Prepared
from .tasks import Order

logger = logging.getLogger("genie.build")

_COLUMNS = ("image", "source_digest", "label", "noise_ratio", "noise_ratios")
_OF_OLD = ("r_star.npz", "known_r_star.npz")
"""Files of `index/` that earlier releases wrote, and nobody reads any more."""

_MARKS = ("on_target", "duplicate", "near_duplicate", "blank", "stale")


class FinishBank:
    """The last stage: one task, which is done again whenever it is asked for.

    Args:
        prepared: The build.
        description: The same in words.
        start: When this run began, by `time.perf_counter`.

    Attributes:
        summary: Some lines of text, once the task has run.
    """

    name, unit = "finish", "bank"
    order: Order = ("finish", 0)
    num_tasks = 1

    def __init__(self, prepared: Prepared, description: Description, start: float) -> None:
        self._arguments = prepared, description, start
        self.summary = ""

    def size(self, task: int) -> int:
        """Return 1: the whole."""
        return 1

    def is_done(self, task: int) -> bool:
        """Tell that it has to be done: it costs little, and mends what was damaged."""
        return False

    def failed(self, task: int) -> int:
        """Return 0: it is made, or the build ends."""
        return 0

    def run(self, task: int) -> None:
        """Make finished shards a bank."""
        self.summary = finish(*self._arguments)


def finish(prepared: Prepared, description: Description, start: float) -> str:
    """Make finished shards a bank. May be interrupted and called again.

    Args:
        prepared: The build.
        description: The same in words.
        start: When this run began, by `time.perf_counter`.

    Returns:
        The summary, some lines of text.
    """
    context, content = prepared.context, description.content
    config, source, out = context.config, context.source, context.config.folder
    names = source.class_names
    # The only time that the rows are read. They are mapped, not loaded: images cost nothing here.
    table = mark_near_duplicates(out, read_table(out, [*_COLUMNS, *_MARKS]))
    prepared.stored_index.save(out / "index")
    facts = {
        "source data": f"{len(source)} images ({source.kind})",
        "classes": len(names),
        "pairs planned": len(prepared.plan),
    }
    if prepared.bad.problems:
        facts["images left out"] = len(prepared.bad.problems)
    write_bad_images(out, prepared.bad)
    write_card(out, facts, content["recipe"])
    shown = shown_strips(out, [prepared.keys[pair] for pair in prepared.shown], prepared.keys)
    write_preview(out, shown, config.sweep_ratios)
    known = KnownSources.of(context.index.digests, context.index.labels)
    finalize(out, names, content, len(prepared.plan), known, prepared.embedded.pixel_keys())
    remove_leftovers(out, prepared.keys)
    prepared.embedded.remove_others()
    predicted = oracle_names(decode_images(table["image"])) if _has_oracle(config, table) else None
    write_report(out, source_image=source_finder(source))
    return summarize(out, table, time.perf_counter() - start, predicted, _notes(prepared))


def _notes(prepared: Prepared) -> list[str]:
    """Say in lines of the summary which images have no pairs of their own."""
    config, num_images = prepared.context.config, len(prepared.context.source)
    lines = prepared.bad.lines(config.folder)
    if prepared.num_copies:
        lines.append(
            f"copies       {prepared.num_copies} of {num_images} images were left out of the plan: "
            "another one of their class has the same pixels"
        )
    return lines


def source_finder(source: Source) -> Callable[[str], Image.Image | None]:
    """Return what reads the source image of an id; it returns None for an id that is not there."""
    rows = {name: row for row, name in enumerate(source.ids)}
    return lambda name: source.image(rows[name]) if name in rows else None


def remove_leftovers(out: Path, keys: Iterable[str]) -> None:
    """Remove superseded shards once the bank has all of their pairs, and data that nobody reads.

    Args:
        out: Folder of the bank.
        keys: The content keys of the bank's pairs.
    """
    shards = {entry["shard"]["name"] for entry in read_stats(out)}
    for path in out.glob("data-*-of-*.arrow"):
        if path.name not in shards:
            path.unlink()
    for name in _OF_OLD:
        (out / "index" / name).unlink(missing_ok=True)
    left = PairStore(out / SUPERSEDED).keys().difference(keys)
    if left:
        logger.info("%s keeps %d pairs that this plan does not have", out / SUPERSEDED, len(left))
    elif (out / SUPERSEDED).exists():
        shutil.rmtree(out / SUPERSEDED)


def decode_images(cells: pa.ChunkedArray) -> torch.Tensor:
    """Decode a column `image` of at least one row and one size, ``(N, 3, H, W)`` uint8."""
    images = [planes_of(decode_image(memoryview(cell["bytes"]))) for cell in cells.to_pylist()]
    return torch.stack(images)


def _has_oracle(config: BuildConfig, table: pa.Table) -> bool:
    """Tell whether the demo's classifier knows the classes, and has something to look at."""
    demo = config.is_demo and ORACLE.exists()
    return demo and table.num_rows > 0
