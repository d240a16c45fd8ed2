"""Run the shards of a build that are not finished, and of those the pairs not made before."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from genie_transforms.format import link_or_copy, shard_name
from index.generate import BuildContext, ShardResult, run_shard
from index.plan import Plan
from index.report import save_strip, strip_path
from index.store import (
    FinishedPair,
    claim_folder,
    embeddings_path,
    finished_shards,
    keep_shard,
    stale_shards,
    supersede_shards,
    write_embeddings,
    write_shard,
)

from .describe import Description
from .prepare import Prepared
from .r_stars import known_r_stars
from .reuse import PairReuse, pair_stores

logger = logging.getLogger("genie.build")


@dataclass(frozen=True)
class Job:
    """What a build has to run.

    Attributes:
        context: What every shard needs, known r* included.
        plan: All pairs.
        keys: Their content keys (see `index.plan.plan_keys`).
        reuse: Finds pairs that were made before.
        cache: Folder that receives finished shards and strips for other banks, if any.
        shown: Positions of the pairs whose sweeps are wanted for the preview.
    """

    context: BuildContext
    plan: Plan
    keys: Sequence[str]
    reuse: PairReuse
    cache: Path | None
    shown: Sequence[int]


def run(prepared: Prepared, description: Description) -> None:
    """Claim the folder, and make in it whatever is not yet made.

    Raises:
        FolderInUseError: The folder holds something else, or a bank of another recipe.
    """
    config = prepared.context.config
    claim_folder(config.out, description.content)
    if config.refresh_stale:
        supersede_shards(config.out, stale_shards(config.out))
    r_stars = known_r_stars(prepared.context, description)
    context = replace(prepared.context, r_stars=r_stars)
    # Opened after the claim, which may have superseded shards.
    reuse = PairReuse(context, pair_stores(config, description))
    cache = description.shared_pairs(config.cache) if config.cache else None
    run_shards(Job(context, prepared.plan, prepared.keys, reuse, cache, prepared.shown))


def run_shards(job: Job) -> None:
    """Run the shards that are not finished, one after the other."""
    out, plan = job.context.config.out, job.plan
    finished = finished_shards(out)
    if finished:
        logger.info("continue: %d of %d shards are finished", len(finished), plan.num_shards)
    done = sum(len(plan.shard(number)) for number in finished)
    quiet = None if logger.isEnabledFor(logging.INFO) else True  # None: only on a terminal
    with tqdm(total=len(plan), initial=done, desc="pairs", unit="pair", disable=quiet) as bar:
        for number in range(plan.num_shards):
            if number not in finished:
                _run_shard(job, number)
                bar.update(len(plan.shard(number)))
            if job.cache is not None:
                rows = out / shard_name(number, plan.num_shards)
                keep_shard(job.cache, rows, embeddings_path(out, number))


def _run_shard(job: Job, number: int) -> None:
    """Make what is missing of a shard, and write it."""
    context, out, part = job.context, job.context.config.out, job.plan.shard(number)
    start = number * job.plan.pairs_per_shard
    keys = job.keys[start : start + len(part)]
    shown = [pair - start for pair in job.shown if 0 <= pair - start < len(part)]

    pairs = job.reuse.find(part)
    reused = len(pairs)
    missing = [position for position in range(len(part)) if position not in pairs]
    shown_missing = [k for k, position in enumerate(missing) if position in shown]
    result = run_shard(context, part.take(missing), shown_missing) if missing else ShardResult()
    for k, row, embeddings in zip(result.positions, result.rows, result.embeddings, strict=True):
        centroid = context.index.centroid(row["label"])
        pairs[missing[k]] = FinishedPair(row, embeddings, centroid)

    fresh = {keys[missing[k]]: sweep for k, sweep in result.sweeps.items()}
    _keep_strips(job, fresh, [keys[position] for position in shown])
    positions = sorted(pairs)
    # Embeddings before rows: the stats that `write_shard` writes last say that all is there.
    write_embeddings(
        embeddings_path(out, number),
        [keys[position] for position in positions],
        [pairs[position].embeddings for position in positions],
        [pairs[position].centroid for position in positions],
    )
    write_shard(
        out,
        number,
        job.plan.num_shards,
        [pairs[position].row for position in positions],
        context.source.class_names,
        {**result.stats(), "reused": reused},
        keep_sweep=context.config.keep_sweep,
    )


def _keep_strips(
    job: Job, fresh: dict[str, tuple[dict[str, Any], Tensor]], shown: Sequence[str]
) -> None:
    """Write the strips of sweeps that were just made; take those of other pairs from the cache."""
    out, names = job.context.config.out, job.context.source.class_names
    for key, (row, images) in fresh.items():
        source, target = names[row["source_label"]], names[row["label"]]
        ratio = row["noise_ratio"]
        save_strip(out, key, images, source=source, target=target, noise_ratio=ratio)
    if job.cache is None:
        return
    for key in shown:
        own, shared = strip_path(out, key), strip_path(job.cache, key)
        if key in fresh:
            shared.unlink(missing_ok=True)
            link_or_copy(own, shared)
        elif shared.exists():
            link_or_copy(shared, own)
