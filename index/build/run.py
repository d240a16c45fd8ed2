"""Run the shards of a build that are not finished, and of those the pairs that are not made."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
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
    embeddings_path,
    finished_shards,
    keep_shard,
    write_embeddings,
    write_shard,
)

from .reuse import PairReuse

logger = logging.getLogger("genie.build")


@dataclass(frozen=True)
class Job:
    """What a build has to run.

    Attributes:
        context: What every shard needs.
        plan: All pairs.
        keys: Their names (see `pair_store.pair_key`).
        reuse: Finds pairs that were made before.
        cache: Folder that receives finished shards and strips for other banks, if any.
        shown: Pairs whose sweep goes into the preview.
    """

    context: BuildContext
    plan: Plan
    keys: Sequence[str]
    reuse: PairReuse
    cache: Path | None
    shown: Sequence[int]


def run_shards(job: Job) -> None:
    """Run the shards that are not finished, one after the other."""
    out, plan = job.context.config.out, job.plan
    finished = finished_shards(out)
    if finished:
        logger.info("continue: %d of %d shards are finished", len(finished), plan.num_shards)
    done = sum(len(plan.shard(number)) for number in finished)
    with tqdm(total=len(plan), initial=done, desc="pairs", unit="pair", disable=None) as bar:
        for number in range(plan.num_shards):
            if number not in finished:
                _run(job, number)
                bar.update(len(plan.shard(number)))
            if job.cache is not None:
                rows = out / shard_name(number, plan.num_shards)
                keep_shard(job.cache, rows, embeddings_path(out, number))


def _run(job: Job, number: int) -> None:
    """Run what is missing of a shard, and write it."""
    context, out, part = job.context, job.context.config.out, job.plan.shard(number)
    start = number * job.plan.pairs_per_shard
    keys = job.keys[start : start + len(part)]
    shown = [pair - start for pair in job.shown if 0 <= pair - start < len(part)]

    made = job.reuse.find(part)
    reused = len(made)
    missing = [place for place in range(len(part)) if place not in made]
    asked = [k for k, place in enumerate(missing) if place in shown]
    result = run_shard(context, part.take(missing), asked) if missing else ShardResult()
    new = zip(result.positions, result.rows, result.embeddings, strict=True)
    for k, row, embeddings in new:
        made[missing[k]] = FinishedPair(row, embeddings, context.index.centroid(row["label"]))

    fresh = {keys[missing[k]]: swept for k, swept in result.sweeps.items()}
    _keep_strips(job, fresh, [keys[place] for place in shown])
    places = sorted(made)
    write_embeddings(
        embeddings_path(out, number),
        [keys[place] for place in places],
        [made[place].embeddings for place in places],
        [made[place].centroid for place in places],
    )
    write_shard(
        out,
        number,
        job.plan.num_shards,
        [made[place].row for place in places],
        context.source.class_names,
        {**result.stats(), "reused": reused},
        keep_sweep=context.config.keep_sweep,
    )


def _keep_strips(
    job: Job, fresh: dict[str, tuple[dict[str, Any], Tensor]], shown: Sequence[str]
) -> None:
    """Write the strips of sweeps that were just made; take the others from the cache."""
    out, names = job.context.config.out, job.context.source.class_names
    for key, (row, images) in fresh.items():
        source, target = names[row["source_label"]], names[row["label"]]
        ratio = row["noise_ratio"]
        save_strip(out, key, images, source=source, target=target, noise_ratio=ratio)
    if job.cache is None:
        return
    for key in shown:
        ours, shared = strip_path(out, key), strip_path(job.cache, key)
        if key in fresh:
            shared.unlink(missing_ok=True)
            link_or_copy(ours, shared)
        elif shared.exists():
            link_or_copy(shared, ours)
