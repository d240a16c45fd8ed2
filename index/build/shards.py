"""The second stage: generate the shards that are not finished, and in them what was not made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from genie_transforms.format import link_or_copy
from index.generate import BuildContext, ShardResult, run_shard
from index.plan import Plan
from index.report import save_strip, strip_path
from index.store import (
    FinishedPair,
    embeddings_path,
    is_finished,
    keep_shard,
    read_shard_stats,
    shard_path,
    write_embeddings,
    write_shard,
)

from .reuse import PairReuse
from .tasks import Order


@dataclass(frozen=True)
class Job:
    """What a build has to run.

    Attributes:
        context: What every shard needs.
        plan: All pairs.
        keys: Their content keys (see `index.plan.plan_keys`).
        build: The `identity` of the build, which every shard names.
        reuse: Finds pairs that were made before.
        cache: Folder that receives finished shards and strips for other banks, if any.
        shown: Positions of the pairs whose sweeps are wanted for the preview.
    """

    context: BuildContext
    plan: Plan
    keys: Sequence[str]
    build: dict[str, str]
    reuse: PairReuse
    cache: Path | None
    shown: Sequence[int]

    def shard_keys(self, number: int) -> Sequence[str]:
        """Return the content keys of the pairs of a shard."""
        start = number * self.plan.pairs_per_shard
        return self.keys[start : start + self.plan.pairs_per_shard]


class GenerateShards:
    """A stage with a task for each shard of the plan.

    Args:
        job: What to run.
    """

    name, unit = "pairs", "pair"
    order: Order = ("generate", 0)

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def num_tasks(self) -> int:
        """Number of shards."""
        return self._job.plan.num_shards

    def size(self, task: int) -> int:
        """Return the pairs of a shard."""
        return len(self._job.plan.shard(task))

    def is_done(self, task: int) -> bool:
        """Tell whether the statistics of a shard are there."""
        return is_finished(self._job.context.config.folder, task)

    def failed(self, task: int) -> int:
        """Count the pairs of a finished shard that could not be made."""
        return len(read_shard_stats(self._job.context.config.folder, task)["failures"])

    def run(self, task: int) -> None:
        """Make what is missing of a shard, and write it."""
        part = self._job.plan.shard(task)
        pairs = self._job.reuse.find(part)
        reused = len(pairs)
        missing = [position for position in range(len(part)) if position not in pairs]
        made, result = make_pairs(self._job, task, missing)
        write_pairs(self._job, task, {**pairs, **made}, {**result.stats(), "reused": reused})
        share_shard(self._job, task)


def make_pairs(
    job: Job, number: int, positions: Sequence[int], begin: Mapping[int, int] | None = None
) -> tuple[dict[int, FinishedPair], ShardResult]:
    """Make some pairs of a shard, and keep the strips of those that are shown.

    Args:
        job: What to run.
        number: Of the shard.
        positions: Positions of the pairs in the shard, increasing.
        begin: With which seed to begin, by position; the first if not given.

    Returns:
        The pairs that could be made, by position in the shard, and what they cost.
    """
    context, part, keys = job.context, job.plan.shard(number), job.shard_keys(number)
    shown = {pair - number * job.plan.pairs_per_shard for pair in job.shown}
    places = dict(enumerate(positions))
    wanted = [k for k, position in places.items() if position in shown]
    seeds = {k: (begin or {}).get(position, 0) for k, position in places.items()}
    result = ShardResult()
    if positions:
        result = run_shard(context, part.take(list(positions)), wanted, seeds)
    pairs = {
        places[k]: FinishedPair(row, embeddings, context.index.centroid(row["label"]))
        for k, row, embeddings in zip(result.positions, result.rows, result.embeddings, strict=True)
    }
    fresh = {keys[places[k]]: sweep for k, sweep in result.sweeps.items()}
    _keep_strips(job, fresh, [keys[position] for position in range(len(part)) if position in shown])
    return pairs, result


def write_pairs(
    job: Job, number: int, pairs: Mapping[int, FinishedPair], stats: Mapping[str, Any]
) -> None:
    """Write a shard.

    Args:
        job: What is run.
        number: Of the shard.
        pairs: What was made, by position in the shard.
        stats: What it cost and what failed.
    """
    config, keys, positions = job.context.config, job.shard_keys(number), sorted(pairs)
    out = config.folder
    # Embeddings before rows: the stats that `write_shard` writes last say that all is there.
    embeddings = write_embeddings(
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
        job.context.source.class_names,
        {**stats, "embeddings": embeddings, "build": job.build},
        keep_sweep=config.keep_sweep,
    )


def share_shard(job: Job, number: int) -> None:
    """Give a finished shard to the cache that banks share, if there is one."""
    out = job.context.config.folder
    if job.cache is not None:
        keep_shard(job.cache, shard_path(out, number), embeddings_path(out, number))


def _keep_strips(
    job: Job, fresh: dict[str, tuple[dict[str, Any], Tensor]], shown: Sequence[str]
) -> None:
    """Write the strips of sweeps that were just made; take those of other pairs from the cache."""
    out, names = job.context.config.folder, job.context.source.class_names
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
