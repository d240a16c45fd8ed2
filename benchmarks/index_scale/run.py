"""Measure index and plans, print and write.

Recall is the share of the true 10 nearest neighbours, found by exact search, that an index returns.
With --work, stop it whenever you like: the same command continues.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss

from benchmarks.measure import environment
from genie_transforms import UserError
from genie_transforms.format import write_json

from . import indexes, plans
from .finished import Finished, Row
from .vectors import DIMENSION, DISTRIBUTIONS

PARTS = ("plans", "indexes")


@dataclass(frozen=True)
class ScaleConfig:
    """Measure the index and the planning of pairs.

    Attributes:
        parts: What to measure: plans, indexes.
        sizes: Numbers of vectors.
        distributions: How vectors are distributed: uniform, clouds, clustered.
        queries: Vectors that are searched for.
        plan_images: Images that pairs are planned from.
        plan_classes: Their classes.
        plan_pairs: Pairs that are planned.
        threads: Threads of FAISS; 0 for its default.
        quick: 2,000 vectors, 200 queries and 2,000 pairs: does it run at all?
        work: Folder that keeps what is measured; continued if it exists.
        json: File that receives the figures.
    """

    parts: tuple[str, ...] = PARTS
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    distributions: tuple[str, ...] = tuple(DISTRIBUTIONS)
    queries: int = 1000
    plan_images: int = 1_280_000
    plan_classes: int = 1000
    plan_pairs: int = 1_000_000
    threads: int = 0
    quick: bool = False
    work: Path | None = None
    json: Path | None = None

    def __post_init__(self) -> None:
        for name, known in (("parts", PARTS), ("distributions", tuple(DISTRIBUTIONS))):
            unknown = [value for value in getattr(self, name) if value not in known]
            if unknown:
                raise UserError(f"{name} are some of {', '.join(known)}; got {unknown[0]!r}")


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
