"""Measure index and plans, print and write.

Recall is the share of the true 10 nearest neighbours, found by exact search, that an index returns.
With --work, stop it whenever you like: the same command continues.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss

from benchmarks.measure import environment
from genie_transforms.format import write_json

from . import indexes, plans
from .config import ScaleConfig
from .finished import Finished, Row
from .vectors import DIMENSION


def main(config: ScaleConfig) -> dict[str, Any]:
    """Measure, print and write, after each row: large graphs take long to build."""
    if config.threads:
        faiss.omp_set_num_threads(config.threads)
    sizes, queries = ((2_000,), 200) if config.quick else (config.sizes, config.queries)
    finished, figures = Finished(config.work), _Figures(config.json, queries)
    if "plans" in config.parts:
        asked = (config.plan_images, config.plan_classes, config.plan_pairs)
        for row in plans.measure(*((4_000, 20, 2_000) if config.quick else asked), finished):
            figures.add("plans", row, _plan_line(row))
    if "indexes" in config.parts:
        for size in sizes:
            for distribution in config.distributions:
                data = indexes.Vectors(distribution, size, queries)
                for row in indexes.measure(data, finished):
                    figures.add("arms", row, _index_line(row))
        for row in figures.content["good_enough"]:
            print(_good_line(row))
        paper = figures.content["gigabytes_of_100m"].items()
        extrapolated = ", ".join(f"{factory} {gigabytes:,.0f} GB" for factory, gigabytes in paper)
        print(f"100 M vectors, by bytes a vector: {extrapolated}")
    return figures.content


class _Figures:
    """What is written, again with every row."""

    def __init__(self, path: Path | None, queries: int) -> None:
        self._path = path
        self.content: dict[str, Any] = {
            "dimension": DIMENSION,
            "queries": queries,
            "threads": faiss.omp_get_max_threads(),
        }

    def add(self, part: str, row: Row, line: str) -> None:
        """Print and write a row."""
        print(line, flush=True)
        self.content.setdefault(part, []).append(row)
        if part == "arms":
            arms = self.content["arms"]
            self.content["gigabytes_of_100m"] = indexes.on_paper(arms)
            self.content["good_enough"] = indexes.good_enough(arms)
        if self._path:
            write_json(self._path, {**self.content, **environment()})


def _plan_line(row: Row) -> str:
    return (
        f"{row['planned']:>9,} pairs of {row['images']:,} images, {row['classes']:,} classes, "
        f"{row['strategy']:<11} plan {row['plan_seconds']:5.2f} s  keys {row['keys_seconds']:5.2f} "
        f"s  at most {row['peak_mib']:,.0f} MiB, {row['bytes_per_pair']:.0f} bytes a pair kept"
    )


def _index_line(row: Row) -> str:
    return (
        f"{row['size']:>9,}  {row['distribution']:<9}  {row['factory']:<22} "
        f"{row['parameters']:<24}recall@10 {row['recall_at_10']:6.1%}  "
        f"{row['queries_per_second']:>9,.0f} queries/s  {row['bytes'] / 1e6:>8,.0f} MB  built in "
        f"{row['build_seconds']:,.1f} s"
    )


def _good_line(row: Row) -> str:
    return (
        f"{row['size']:>9,}  {row['distribution']:<9}  {row['factory']} {row['parameters']}: "
        f"{row['recall_at_10']:.1%} at {row['speedup']:.0f} x Flat"
    )
