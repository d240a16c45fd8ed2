"""The stage of `--retry-failed`: pairs that failed get further seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from genie_transforms import BankFormatError
from genie_transforms.format import MANIFEST
from index.generate import NO_LINE
from index.store import FinishedPair, pairs_of_shard, read_shard_stats

from .shards import Job, make_pairs, share_shard, write_pairs
from .tasks import Order


class RetryFailed:
    """A stage with a task for each shard; those without failures are done.

    A run tries every failed pair once more, with as many seeds as the first time.

    Args:
        job: What to run; all its shards are finished.
        rounds: How often failed pairs are to have been tried again; see `next_round`.
    """

    name, unit = "failed pairs", "pair"

    def __init__(self, job: Job, rounds: int) -> None:
        self._job, self._out, self._rounds = job, job.context.config.folder, rounds
        self.order: Order = ("retry", rounds)

    @property
    def num_tasks(self) -> int:
        """Number of shards."""
        return self._job.plan.num_shards

    def size(self, task: int) -> int:
        """Return the pairs of a shard that failed."""
        return sum(map(_can_be_retried, read_shard_stats(self._out, task)["failures"]))

    def is_done(self, task: int) -> bool:
        """Tell whether no pair of a shard failed, or those that did were tried again."""
        stats = read_shard_stats(self._out, task)
        return not any(map(_can_be_retried, stats["failures"])) or _retries(stats) >= self._rounds

    def failed(self, task: int) -> int:
        """Count the pairs of a shard that failed again."""
        return self.size(task)

    def run(self, task: int) -> None:
        """Try the failed pairs of a shard again, and write it with those that worked."""
        # The bank is unfinished from here: its manifest knows the old shard.
        (self._out / MANIFEST).unlink(missing_ok=True)
        stats, part = read_shard_stats(self._out, task), self._job.plan.shard(task)
        triples = list(
            zip(part.sources.tolist(), part.targets.tolist(), part.variations.tolist(), strict=True)
        )
        failures = {_triple(failure): failure for failure in stats["failures"]}
        failed = [place for place, triple in enumerate(triples) if triple in failures]
        made = [place for place in range(len(part)) if place not in failed]
        pairs = dict(zip(made, self._finished(task, len(made)), strict=True))
        again = [place for place in failed if _can_be_retried(failures[triples[place]])]
        begin = {place: failures[triples[place]].get("attempts", 0) for place in again}
        fresh, result = make_pairs(self._job, task, again, begin)
        new = {_triple(failure): failure for failure in result.failures}
        kept = [
            _merged(failures[triples[p]], new.get(triples[p])) for p in failed if p not in fresh
        ]
        costs = _added(stats, result.stats())
        rounds = {"retries": _retries(stats) + 1, "reused": stats.get("reused", 0)}
        write_pairs(self._job, task, {**pairs, **fresh}, {**costs, "failures": kept, **rounds})
        share_shard(self._job, task)

    def _finished(self, task: int, count: int) -> list[FinishedPair]:
        pairs = pairs_of_shard(self._out, task)
        if len(pairs) != count:
            raise BankFormatError(
                f"shard {task} of {self._out} has {len(pairs)} rows, and its failures leave "
                f"{count}: remove {self._out / 'stats'}/{task:05d}.json, so that it is made again"
            )
        return pairs


def next_round(job: Job) -> int:
    """Return how often failed pairs are to have been tried again when this run ends.

    Shards that are behind, because an earlier run was interrupted or they were damaged, catch up
    with the others first. The owner of a folder asks this once, and tells whoever works for it.
    """
    out = job.context.config.folder
    stats = [read_shard_stats(out, number) for number in range(job.plan.num_shards)]
    failed = [one for one in stats if any(map(_can_be_retried, one["failures"]))]
    return min(map(_retries, failed), default=0) + 1


def _retries(stats: Mapping[str, Any]) -> int:
    return int(stats.get("retries", 0))


def _can_be_retried(failure: Mapping[str, Any]) -> bool:
    """Tell whether another seed could help; where there is nothing to project on, none does."""
    return bool(failure["reason"] != NO_LINE)


def _triple(failure: Mapping[str, Any]) -> tuple[int, int, int]:
    return failure["source"], failure["target"], failure.get("variation", 0)


def _merged(old: dict[str, Any], new: dict[str, Any] | None) -> dict[str, Any]:
    """Put the reasons of earlier seeds before those of a failure that failed again."""
    if new is None:
        return old
    return {**new, "reasons": [*old.get("reasons", []), *new.get("reasons", [])]}


def _added(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Add up what a shard cost before and now."""
    sums = {
        name: dict(Counter(old.get(name, {})) + Counter(new[name])) for name in ("seconds", "ada")
    }
    return {
        **new,
        "network_rows": old["network_rows"] + new["network_rows"],
        "repeated": [*old.get("repeated", []), *new["repeated"]],
        **sums,
    }
