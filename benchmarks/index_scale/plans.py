"""Plan many pairs, and name them: seconds, and memory beside the images' own names."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator, Sequence
from time import perf_counter

import numpy as np

from index.embed import Centroids, Integers
from index.plan import PairKeys, Plan, make_plan, plan_keys

from .finished import Finished, Row
from .vectors import DIMENSION, clouds

STRATEGIES = ("all", "random:2", "nearest:10")


def measure(images: int, classes: int, pairs: int, finished: Finished) -> Iterator[Row]:
    """Plan `pairs` pairs with each strategy, but for what was measured before."""
    labels = np.arange(images) % classes
    digests: list[str] = []
    for strategy in STRATEGIES:
        what = {"strategy": strategy, "images": images, "classes": classes, "pairs": pairs}
        row = finished.get(what)
        if row is None:
            digests = digests or [_digest(image) for image in range(images)]
            row = {**what, **_plan(labels, classes, pairs, strategy, digests)}
            finished.put(what, row)
        yield row


def _plan(labels: Integers, classes: int, pairs: int, strategy: str, digests: Sequence[str]) -> Row:
    """Plan and name pairs twice: for the time, and slowed down by the counting of memory."""
    ranking, ranking_seconds = _ranking(classes, strategy)

    def plan() -> Plan:
        return make_plan(labels, classes, pairs=strategy, max_pairs=pairs, ranking=ranking)

    def keys(plan: Plan) -> PairKeys:
        names = [f"class {number}" for number in range(classes)]
        prompts = [f"a photo of a {name}" for name in names]
        return plan_keys(plan, digests, names, lambda source, target, variation: prompts[target])

    start = perf_counter()
    planned = plan()
    between = perf_counter()
    named = keys(planned)
    end = perf_counter()
    columns = (planned.sources, planned.targets, planned.variations)
    held = sum(column.nbytes for column in columns) + named.nbytes
    row = {
        "planned": len(planned),
        "ranking_seconds": round(ranking_seconds, 2),
        "plan_seconds": round(between - start, 2),
        "keys_seconds": round(end - between, 2),
        "bytes_per_pair": round(held / len(planned), 1),
    }
    del planned, named, columns  # as if nothing had been planned
    tracemalloc.start()
    keys(plan())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {**row, "peak_mib": round(peak / 2**20, 1)}


def _ranking(classes: int, strategy: str) -> tuple[Integers | None, float]:
    """Return the nearest classes of each, if the strategy asks for them, and the seconds."""
    if not strategy.startswith("nearest"):
        return None, 0.0
    centroids = Centroids(DIMENSION)
    centroids.add(clouds(classes, seed=1), np.arange(classes))
    start = perf_counter()
    ranking = centroids.ranking(min(int(strategy.partition(":")[2]), classes - 1))
    return ranking, perf_counter() - start


def _digest(image: int) -> str:
    return hashlib.sha256(str(image).encode()).hexdigest()
