"""What a build will cost, before it runs: `--dry-run`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from index.config import BuildConfig
from index.diffusion import Family
from index.diffusion.sampling import SweepSettings, network_rows
from index.durations import duration
from index.generate import BuildContext, run_shard
from index.plan import Plan
from index.store import check_claim, own_pairs

from .describe import Description
from .prepare import Prepared
from .reuse import PairReuse, pair_stores

_COLUMNS = 500
"""Bytes of a row beside its images and embeddings, about."""


@dataclass(frozen=True)
class Estimate:
    """The cost of a build.

    Attributes:
        per_class: Pairs of each target class, by name.
        shards: Shards of the plan.
        known: Pairs that were made before and need no network.
        missing: Pairs that have to be made.
        rows_per_pair: Rows through the denoiser for one pair, guidance counted.
        exact: Whether every pair needs so many; with a preview some need fewer.
        seconds: Of the network and all else for the missing pairs, from a warm-up of one pair;
            many pairs share their calls, so that it takes less rather than more.
        bytes: Disk that the rows and their embeddings take.
    """

    per_class: dict[str, int]
    shards: int
    known: int
    missing: int
    rows_per_pair: int
    exact: bool
    seconds: float
    bytes: int

    def __str__(self) -> str:
        """Return some lines of text."""
        pairs = self.known + self.missing
        rows = self.missing * self.rows_per_pair
        lines = [f"plan         {pairs} pairs of {len(self.per_class)} targets"]
        lines[0] += f" in {self.shards} shards"
        lines += [f"  {name:<12} {count}" for name, count in self.per_class.items()]
        lines += [
            f"made before  {self.known} pairs",
            f"network      {'' if self.exact else 'at most '}{self.missing} pairs x "
            f"{self.rows_per_pair} = {rows} rows, guidance counted",
            f"time         about {duration(self.seconds)}, or less: one pair took "
            f"{self.seconds / max(self.missing, 1):.2f} s, and many share their calls",
            f"disk         about {self.bytes / 1e6:.1f} MB",
        ]
        return "\n".join(lines)


def network_rows_per_pair(config: BuildConfig, family: Family) -> int:
    """Count the rows that one pair sends through the denoiser at most, guidance counted.

    A preview adds its own steps, and then only the chosen noise ratio runs, at most the largest.

    Args:
        config: The build, with all that the model decides filled in.
        family: The diffusion model.
    """

    def rows(steps: int, ratios: Sequence[float], *, guided: bool = True) -> int:
        settings = SweepSettings(
            num_inference_steps=steps,
            guidance_scale=config.guidance if guided else 1.0,
            guidance_interval=config.guidance_interval,
        )
        return network_rows(family, ratios, settings)

    ratios = config.sweep_ratios
    if not config.previews:
        return rows(config.steps, ratios)
    # The costliest, which with an interval need not be the noisiest.
    preview = rows(config.ada_steps, ratios, guided=config.ada_guidance)
    return preview + max(rows(config.steps, [ratio]) for ratio in ratios)


def dry_run(prepared: Prepared, description: Description) -> Estimate:
    """Estimate what a build would cost, and write nothing.

    Raises:
        FolderInUseError: The folder holds something else, or a bank of another recipe.
    """
    config = prepared.context.config
    check_claim(config.folder, description.content, description.defaults)
    stores = [*pair_stores(config, description), own_pairs(config.folder)]
    return estimate(prepared.context, prepared.plan, PairReuse(prepared.context, stores))


def estimate(context: BuildContext, plan: Plan, reuse: PairReuse) -> Estimate:
    """Count what a plan needs, and make its first missing pair twice: to warm up, then timed."""
    known, first = 0, None
    for number in range(plan.num_shards):
        part = plan.shard(number)
        found = reuse.find(part)
        known += len(found)
        missing = [place for place in range(len(part)) if place not in found]
        if missing and first is None:
            first = part.take(missing[:1])
    per_pair, size = (0.0, 0) if first is None else _warm_up(context, first)
    names = context.source.class_names
    counts = plan.pairs_per_class(len(names)).tolist()
    return Estimate(
        per_class={name: n for name, n in zip(names, counts, strict=True) if n},
        shards=plan.num_shards,
        known=known,
        missing=len(plan) - known,
        rows_per_pair=network_rows_per_pair(context.config, context.family),
        exact=not context.config.previews,
        seconds=per_pair * (len(plan) - known),
        bytes=size * len(plan),
    )


def _warm_up(context: BuildContext, pair: Plan) -> tuple[float, int]:
    """Make one pair twice; return the seconds of the second time and the bytes of its row."""
    run_shard(context, pair)
    start = time.perf_counter()
    result = run_shard(context, pair)
    seconds = time.perf_counter() - start
    size = sum(map(_size, result.rows)) + sum(block.nbytes for block in result.embeddings)
    return seconds, size


def _size(row: dict[str, Any]) -> int:
    images = [row["image"], *row.get("sweep", [])]
    return _COLUMNS + sum(len(image["bytes"]) for image in images)
