"""Build and search exact and approximate indexes: recall, speed and memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import faiss
import numpy as np

from index.embed import FLAT, Integers, VectorIndex, nearest, share_found

from .finished import Finished, Row
from .vectors import DIMENSION, DISTRIBUTIONS, Floats

NEIGHBOURS = 10

_CHUNK = 100_000
_TRAINING = 39  # vectors for each cell of an inverted file: FAISS warns below that
_ON_PAPER = 100_000_000


@dataclass(frozen=True)
class Vectors:
    """Vectors of one distribution, drawn when they are first used.

    Attributes:
        distribution: One of `DISTRIBUTIONS`.
        size: How many are searched.
        num_queries: How many are searched for.
    """

    distribution: str
    size: int
    num_queries: int

    @cached_property
    def vectors(self) -> Floats:
        """What is searched, ``(size, 768)`` float32."""
        return DISTRIBUTIONS[self.distribution](self.size, 1)

    @cached_property
    def queries(self) -> Floats:
        """What is searched for, ``(num_queries, 768)`` float32."""
        return DISTRIBUTIONS[self.distribution](self.num_queries, 2)

    @cached_property
    def neighbours(self) -> Integers:
        """The true neighbours of the queries, ``(num_queries, 10)`` int64."""
        return nearest(self.vectors, self.queries, NEIGHBOURS)[0]


def arms(size: int) -> list[tuple[str, list[str]]]:
    """Return the factories of the indexes, with the search parameters to try for each.

    RFlat decides among four times as many candidates by the vectors themselves, as the index of a
    bank does.
    """
    cells = 2 ** int(np.log2(min(4 * size**0.5, size / _TRAINING)))
    probes = [f"nprobe={number}" for number in (8, 32, 64) if number <= cells]
    return [
        (FLAT, [""]),
        (f"IVF{cells},Flat", probes),
        (f"IVF{cells},PQ96", probes),
        (f"IVF{cells},PQ96,RFlat", [f"{probe},k_factor_rf=4" for probe in probes]),
        ("HNSW32", ["efSearch=32", "efSearch=128", "efSearch=256"]),
    ]


def fill(factory: str, vectors: Floats) -> VectorIndex:
    """Build an index chunk by chunk; the first chunk trains what needs training."""
    index = VectorIndex(DIMENSION, factory)
    cells = int(factory.split(",")[0][3:]) if factory.startswith("IVF") else 0
    first = max(_CHUNK, cells * _TRAINING)
    start = 0
    while start < len(vectors):
        stop = min(start + (first if start == 0 else _CHUNK), len(vectors))
        index.add_vectors(vectors[start:stop], np.arange(start, stop))
        start = stop
    return index


def stored_bytes(index: VectorIndex) -> int:
    """Count the bytes that FAISS holds, by serializing them into a counter."""
    counted = [0]

    def count(data: bytes) -> int:
        counted[0] += len(data)
        return len(data)

    faiss.write_index(index._index, faiss.PyCallbackIOWriter(count))  # type: ignore[attr-defined]
    return counted[0]


def measure(data: Vectors, finished: Finished) -> Iterator[Row]:
    """Build and search every index, one after the other, but for what was measured before."""
    for factory, parameters in arms(data.size):
        index, seconds, held = None, 0.0, 0
        for setting in parameters:
            what = {
                "distribution": data.distribution,
                "size": data.size,
                "factory": factory,
                "parameters": setting,
            }
            asked = {**what, "queries": data.num_queries, "threads": faiss.omp_get_max_threads()}
            row = finished.get(asked)
            if row is None:
                if index is None:
                    start = perf_counter()
                    index = fill(factory, data.vectors)
                    seconds, held = perf_counter() - start, stored_bytes(index)
                row = {**what, **_search(index, data, setting)}
                row |= {
                    "build_seconds": round(seconds, 2),
                    "bytes": held,
                    "bytes_per_vector": round(held / data.size, 1),
                }
                finished.put(asked, row)
            yield row


def _search(index: VectorIndex, data: Vectors, setting: str) -> Row:
    """Search an index once, with one setting."""
    if setting:
        index.tune(setting)
    queries, true = data.queries, data.neighbours  # drawn before the clock starts
    start = perf_counter()
    found, _ = index.nearest_images(queries, NEIGHBOURS)
    seconds = perf_counter() - start
    return {
        "recall_at_10": round(share_found(found, true), 4),
        "queries_per_second": round(len(queries) / seconds, 1),
    }


def on_paper(rows: list[Row]) -> dict[str, float]:
    """Extrapolate the bytes of the largest size to 100 M vectors, in GB."""
    largest = max(row["size"] for row in rows)
    return {
        row["factory"]: round(row["bytes_per_vector"] * _ON_PAPER / 1e9, 1)
        for row in rows
        if row["size"] == largest
    }


def good_enough(rows: list[Row], recall: float = 0.99, speedup: float = 10.0) -> list[Row]:
    """Choose the settings that find nearly all and are much faster than a flat index.

    Args:
        rows: Of `measure`.
        recall: At least this recall at 10.
        speedup: At least so many times the queries a second of Flat, for the same vectors.

    Returns:
        For each distribution and size the fastest such setting, with its `speedup`.
    """
    flat = {
        (row["distribution"], row["size"]): row["queries_per_second"]
        for row in rows
        if row["factory"] == FLAT
    }
    chosen: dict[tuple[str, int], Row] = {}
    for row in rows:
        place = (row["distribution"], row["size"])
        times = round(row["queries_per_second"] / flat[place], 1) if place in flat else 0.0
        if row["recall_at_10"] < recall or times < speedup:
            continue
        if place not in chosen or chosen[place]["speedup"] < times:
            names = ("distribution", "size", "factory", "parameters", "recall_at_10")
            chosen[place] = {**{name: row[name] for name in names}, "speedup": times}
    return list(chosen.values())
