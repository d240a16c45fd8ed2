"""What is simulated: more workers, deaths, and shards of other sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from index.plan import Plan, shard_size

from .plans import Durations, Integers, Seconds, counts_of
from .prices import COLUMNS, PUBLISHED, ROWS_OF_AN_IMAGE, bytes_of_embeddings
from .schedule import EXECUTORS, Executor, random_deaths, simulate

Row = dict[str, Any]

OPENING = 60.0
"""Seconds until a worker has opened its models."""


MANY = 100_000_000
"""Pairs of the largest plan that there can be."""


TARGETS_OF_MANY = 78
"""Targets of each image of ImageNet-1K that give about so many."""


@dataclass(frozen=True)
class Job:
    """Shards of a data set, by what decides how long they take.

    Attributes:
        name: Of the data set.
        pairs: Of each shard, ``(S,)``.
        images: Sources of each shard, ``(S,)``.
    """

    name: str
    pairs: Integers
    images: Integers

    @classmethod
    def of(cls, name: str, plan: Plan) -> Job:
        """Count the shards of a plan."""
        return cls(name, *counts_of(plan))

    @classmethod
    def of_many(cls) -> Job:
        """Count the shards of the largest plan, which is too large to be made here."""
        each = shard_size(MANY)
        shards = MANY // each
        images = -(-each // TARGETS_OF_MANY)
        return cls("10^8 pairs", np.full(shards, each), np.full(shards, images))


def costs(jobs: list[Job], methods: dict[str, Row], images: dict[str, int]) -> Iterator[Row]:
    """Yield what each data set takes with each method."""
    for job in jobs:
        pairs, shards = int(job.pairs.sum()), len(job.pairs)
        for name, method in methods.items():
            rows = pairs * method["network_rows"]
            hours = {
                gpu["gpu"]: round(rows / ROWS_OF_AN_IMAGE * gpu["seconds"] / 3600, 1)
                for gpu in PUBLISHED
            }
            embeddings = pairs * bytes_of_embeddings(method["embeddings"])
            yield {
                "data": job.name,
                "method": name,
                "pairs": pairs,
                "network_rows": rows,
                "gpu_hours": hours,
                "image_gigabytes": {
                    kind: round(pairs * (size + COLUMNS) / 1e9, 1) for kind, size in images.items()
                },
                "embedding_gigabytes": round(embeddings / 1e9, 1),
                "shards": shards,
                "pairs_per_shard": int(job.pairs.max()),
                "files": 3 * shards,
            }


def more_workers(job: Job, durations: Durations, workers: tuple[int, ...]) -> Iterator[Row]:
    """Yield makespan and efficiency of each executor, with stragglers and without deaths."""
    seconds = durations.of_counts(job.pairs, job.images)
    for executor in EXECUTORS:
        for count in workers:
            slowness = durations.slowness(count)
            outcome = simulate(seconds, count, executor, slowness=slowness, opening=OPENING)
            yield {
                "data": job.name,
                "executor": executor.name,
                "workers": count,
                "hours": round(outcome.makespan / 3600, 3),
                "efficiency": _efficiency(seconds, count, outcome.makespan),
            }


def one_death(job: Job, durations: Durations, workers: int) -> Iterator[Row]:
    """Yield what it costs that one worker dies in the middle of a build."""
    seconds = durations.of_counts(job.pairs, job.images)
    for executor in EXECUTORS:
        whole = simulate(seconds, workers, executor, opening=OPENING)
        deaths = [(whole.makespan / 2, 0)]
        outcome = simulate(seconds, workers, executor, deaths=deaths, opening=OPENING)
        yield {
            "data": job.name,
            "executor": executor.name,
            "workers": workers,
            "pairs_per_shard": int(job.pairs.max()),
            "lost_worker_minutes": round(outcome.lost / 60, 1),
            "later_minutes": round((outcome.makespan - whole.makespan) / 60, 1),
            "minutes": round(whole.makespan / 60, 1),
        }


def shard_sizes(
    plan: Plan, durations: Durations, workers: tuple[int, ...], sizes: tuple[int, ...], hours: float
) -> Iterator[Row]:
    """Yield the efficiency of shards of each size, where workers die every so many hours."""
    suits = shard_size(len(plan))
    for size in sorted({*sizes, suits}):
        job = Job.of("", replace(plan, pairs_per_shard=size))
        seconds = durations.of_counts(job.pairs, job.images)
        for executor in EXECUTORS:
            for count in workers:
                yield {
                    "pairs_per_shard": size,
                    "default": size == suits,
                    "shards": len(seconds),
                    "executor": executor.name,
                    "workers": count,
                    **_dying(seconds, count, executor, durations, hours),
                }


def _dying(
    seconds: Seconds, workers: int, executor: Executor, durations: Durations, hours: float
) -> Row:
    generator = np.random.default_rng(durations.seed + 2)
    deaths = random_deaths(workers, 3600 * hours, generator)
    slowness = durations.slowness(workers)
    outcome = simulate(
        seconds, workers, executor, slowness=slowness, deaths=deaths, opening=OPENING
    )
    never = math.isinf(outcome.makespan)
    return {
        "hours": None if never else round(outcome.makespan / 3600, 3),
        "efficiency": _efficiency(seconds, workers, outcome.makespan),
        "deaths": outcome.deaths,
        "lost_share": None if never else round(outcome.lost / float(seconds.sum()), 4),
    }


def _efficiency(seconds: Seconds, workers: int, makespan: float) -> float:
    """Return the share of all workers' time that one undisturbed worker would have needed."""
    return round(float(seconds.sum()) / (workers * makespan), 4)
