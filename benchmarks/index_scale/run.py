"""How does the index scale? `python -m benchmarks.index_scale`.

Synthetic embeddings of 768 dimensions are stored in exact and in approximate indexes. Each is
searched for the 10 nearest neighbours of fresh vectors; recall is the share of the true ones, found
by brute force, that it returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from time import perf_counter
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from benchmarks.measure import environment
from genie_transforms.format import write_json
from index.embed import FLAT, VectorIndex

from .config import ScaleConfig

DIMENSION = 768


NEIGHBOURS = 10


_CHUNK = 100_000


_TRAINING = 39  # vectors for each cell of an inverted file: FAISS warns below that


_ON_PAPER = 100_000_000


def synthetic(count: int, seed: int, spread: float = 0.7) -> npt.NDArray[np.float32]:
    """Draw vectors like embeddings: 1000 classes, each in its own cloud of 32 dimensions.

    Args:
        count: N.
        seed: Seed of the vectors; classes are always the same.
        spread: Radius of a cloud, in units of the centre's distance from the origin.

    Returns:
        ``(N, 768)`` float32, unit norm.
    """
    fixed, rng = np.random.default_rng(0), np.random.default_rng([1, seed])
    centres = fixed.standard_normal((1000, DIMENSION), dtype=np.float32)
    axes = fixed.standard_normal((64, 32, DIMENSION), dtype=np.float32) / np.float32(32**0.5)
    labels = rng.integers(1000, size=count)
    vectors = centres[labels]
    for group in range(len(axes)):  # classes share their axes with every 64th other
        rows = np.flatnonzero(labels % len(axes) == group)
        inner = rng.standard_normal((len(rows), axes.shape[1]), dtype=np.float32)
        vectors[rows] += np.float32(spread) * (inner @ axes[group])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def arms(size: int) -> list[tuple[str, list[str]]]:
    """Return the factories of the indexes, with the search parameters to try for each."""
    cells = 2 ** int(np.log2(min(4 * size**0.5, size / _TRAINING)))
    return [
        (FLAT, [""]),
        (f"IVF{cells},PQ96", ["nprobe=8", "nprobe=64"]),
        ("HNSW32", ["efSearch=32", "efSearch=128"]),
    ]


def fill(factory: str, vectors: npt.NDArray[np.float32]) -> VectorIndex:
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


def measure(size: int, num_queries: int) -> Iterator[dict[str, Any]]:
    """Build and search every index of `size` vectors, one after the other."""
    vectors, queries = synthetic(size, seed=1), synthetic(num_queries, seed=2)
    for factory, parameters in arms(size):
        start = perf_counter()
        index = fill(factory, vectors)
        seconds, held = perf_counter() - start, stored_bytes(index)
        for setting in parameters:
            if setting:
                index.tune(setting)
            recall = index.measure_recall(vectors, queries, NEIGHBOURS)
            start = perf_counter()
            index.nearest_images(queries, NEIGHBOURS)
            yield {
                "size": size,
                "factory": factory,
                "parameters": setting,
                "build_seconds": round(seconds, 2),
                "recall_at_10": round(recall, 4),
                "queries_per_second": round(num_queries / (perf_counter() - start), 1),
                "bytes": held,
                "bytes_per_vector": round(held / size, 1),
            }


def on_paper(results: list[dict[str, Any]]) -> dict[str, float]:
    """Extrapolate the bytes of the largest size to 100 M vectors, in GB."""
    largest = max(result["size"] for result in results)
    return {
        result["factory"]: round(result["bytes_per_vector"] * _ON_PAPER / 1e9, 1)
        for result in results
        if result["size"] == largest
    }


def _line(result: dict[str, Any]) -> str:
    return (
        f"{result['size']:>9,}  {result['factory']:<16} {result['parameters']:<13}"
        f"recall@10 {result['recall_at_10']:6.1%}  {result['queries_per_second']:>9,.0f} queries/s"
        f"  {result['bytes'] / 1e6:>8,.0f} MB  built in {result['build_seconds']:,.1f} s"
    )


def main(config: ScaleConfig) -> dict[str, Any]:
    """Measure, print and write, after each index: large graphs take long to build."""
    if config.threads:
        faiss.omp_set_num_threads(config.threads)
    sizes, queries = ((2_000,), 200) if config.quick else (config.sizes, config.queries)
    results: list[dict[str, Any]] = []
    figures: dict[str, Any] = {
        "dimension": DIMENSION,
        "queries": queries,
        "threads": faiss.omp_get_max_threads(),
        "arms": results,
    }
    for result in chain.from_iterable(measure(size, queries) for size in sizes):
        results.append(result)
        print(_line(result), flush=True)
        figures["gigabytes_of_100m"] = on_paper(results)
        if config.json:
            write_json(config.json, {**figures, **environment()})
    paper = figures["gigabytes_of_100m"].items()
    extrapolated = ", ".join(f"{factory} {gigabytes:,.0f} GB" for factory, gigabytes in paper)
    print(f"100 M vectors, by bytes a vector: {extrapolated}")
    return figures
