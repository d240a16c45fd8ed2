"""What the report counts: r*, pairs of classes, the clauses of filters, failures and costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genie_transforms import Bank
from genie_transforms.format import DEFAULT_KEEP
from index.store import read_stats

from .columns import FLAGS, Columns, Mask

MOST_CLASSES = 40
"""Classes that tables show, those with the most rows: more are not read, and cost much room."""

MOST_REASONS = 20
"""Reasons of failures that are shown, the most frequent ones."""

_MOST_RATIOS = 12
"""Different r* up to which each has a bar of its own."""


@dataclass(frozen=True)
class Histogram:
    """How often each r* was chosen.

    Attributes:
        ratios: What the bars are of, such as "0.7" or "0.5 – 0.6".
        counts: Rows of each bar.
        targets: Name of a class, and its rows in each bar.
    """

    ratios: list[str]
    counts: list[int]
    targets: list[tuple[str, list[int]]]


@dataclass(frozen=True)
class Cell:
    """One source class and one target class.

    Attributes:
        rows: Negatives of this pair of classes.
        measured: Those whose nearest class is known.
        on_target: Those of them that are on target.
    """

    rows: int
    measured: int
    on_target: int

    @property
    def percent(self) -> int | None:
        """The on-target rate in percent; None where nothing was measured."""
        return round(100 * self.on_target / self.measured) if self.measured else None


@dataclass(frozen=True)
class Clause:
    """A clause of a filter, by itself.

    Attributes:
        text: The clause.
        default: Whether the default filter has it.
        drops: Rows that it drops.
        alone: Those that all other clauses of the default filter keep.
    """

    text: str
    default: bool
    drops: int
    alone: int


@dataclass(frozen=True)
class Cost:
    """What a bank has cost.

    Attributes:
        accepted: Rows that the default filter keeps.
        failures: Reasons and how often, the most frequent first, at most `MOST_REASONS`.
        more_failures: Failures for other reasons.
        unexplained: Failures that the bank counts without a reason, as a merged one does.
        seconds: Stages, the longest first.
        network_rows: Rows through the denoiser; None if the bank does not say.
        reused: Pairs that an earlier build had made. Seconds and network rows are of the last
            build of each shard, without these.
    """

    accepted: int
    failures: list[tuple[str, int]]
    more_failures: int
    unexplained: int
    seconds: list[tuple[str, float]]
    network_rows: int | None
    reused: int

    @property
    def total_seconds(self) -> float:
        """Seconds of all stages."""
        return sum(value for _, value in self.seconds)

    def per_accepted(self, total: float | None) -> float | None:
        """Divide what the bank has cost among the rows that are used.

        Returns:
            None if there is nothing to divide, or if what the reused ones cost is not known.
        """
        return total / self.accepted if total and self.accepted and not self.reused else None


def shown_classes(columns: Columns) -> list[int]:
    """Return the classes of the tables: those with the most rows as source or target."""
    labels = np.concatenate([columns.labels("label"), columns.labels("source_label")])
    found = Counter(labels[labels >= 0].tolist())
    most = sorted(found, key=lambda label: (-found[label], label))[:MOST_CLASSES]
    return sorted(most)


def histogram(columns: Columns, classes: Sequence[int]) -> Histogram:
    """Count how often each r* was chosen, of all rows and of each of some targets."""
    ratios, labels = columns.numbers("noise_ratio"), columns.labels("label")
    grid: set[float] = set(ratios.tolist())
    if "noise_ratios" in columns.table.column_names and len(grid) <= _MOST_RATIOS:
        # What was swept and never chosen is an empty bar.
        grid |= {
            round(r, 4)
            for r in columns.table["noise_ratios"].combine_chunks().flatten().to_pylist()
        }
    if len(grid) <= _MOST_RATIOS:
        values = np.array(sorted(grid))
        names = [f"{value:g}" for value in values]
        bars = np.searchsorted(values, ratios)
    else:
        names = [f"{k / 10:g} – {(k + 1) / 10:g}" for k in range(10)]
        # 0.7 begins a bar, though 10 * 0.7 may lie below 7.
        bars = np.clip(np.floor(10 * ratios + 1e-6), 0, 9).astype(np.int64)

    def count(rows: Mask | slice) -> list[int]:
        return [int(n) for n in np.bincount(bars[rows], minlength=len(names))]

    targets = [(columns.class_name(label), count(labels == label)) for label in classes]
    return Histogram(names, count(slice(None)), [one for one in targets if any(one[1])])


def matrix(columns: Columns, classes: Sequence[int]) -> list[list[Cell]]:
    """Count rows and on-target rows from each source class (line) to each target (column)."""
    on_target, off_target = columns.is_true("on_target"), columns.is_false("on_target")
    known = [_pairs(columns, classes, rows) for rows in (None, on_target | off_target, on_target)]
    return [
        [Cell(*(int(table[source, target]) for table in known)) for target in range(len(classes))]
        for source in range(len(classes))
    ]


def _pairs(columns: Columns, classes: Sequence[int], rows: Mask | None) -> npt.NDArray[np.int64]:
    """Count rows by source and target, ``(C, C)``; rows of other classes are left out."""
    place = np.full(max([*classes, -1]) + 2, -1)  # the last one for what is not shown
    place[list(classes)] = np.arange(len(classes))
    sides = [columns.labels(name) for name in ("source_label", "label")]
    sources, targets = (place[np.where(side < len(place) - 1, side, -1)] for side in sides)
    there = (sources >= 0) & (targets >= 0)
    if rows is not None:
        there &= rows
    table = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(table, (sources[there], targets[there]), 1)
    return table


def clauses(columns: Columns) -> list[Clause]:
    """Count what each mark and judge drops if asked for by itself, as a filter would."""
    default = _clauses_of(DEFAULT_KEEP)
    passes: dict[str, Mask] = {}
    for name in FLAGS:
        if name in columns.table.column_names:
            good = name == "on_target"
            text = name if good else f"~{name}"
            passes[text] = columns.is_true(name) if good else columns.is_false(name)
    for judge in columns.judges:
        right = columns.numbers(f"{judge}_class") == columns.labels("label")
        passes[f"{judge}_class == label"] = right

    def others(text: str) -> Mask:
        kept = [passes[one] for one in default if one in passes and one != text]
        return np.asarray(np.logical_and.reduce([np.ones(len(columns), dtype=np.bool_), *kept]))

    return [
        Clause(text, text in default, int((~mask).sum()), int((~mask & others(text)).sum()))
        for text, mask in passes.items()
    ]


def _clauses_of(keep: str) -> list[str]:
    """Split a filter of plain marks at `&`; any other clause stays a text that is no mark."""
    return [clause.strip() for clause in keep.split("&")]


def cost(folder: Path, columns: Columns) -> Cost:
    """Add up what the shards' statistics say."""
    stats = read_stats(folder)
    reasons = Counter(str(one["reason"]) for entry in stats for one in entry["failures"])
    shown = reasons.most_common(MOST_REASONS)
    stages: Counter[str] = Counter()
    for entry in stats:
        stages.update(entry["seconds"])
    counts: dict[str, Any] = columns.manifest.counts
    return Cost(
        accepted=Bank(folder, DEFAULT_KEEP).kept.rows,
        failures=shown,
        more_failures=reasons.total() - sum(count for _, count in shown),
        unexplained=max(0, counts.get("failed", 0) - reasons.total()),
        seconds=[(stage, float(value)) for stage, value in stages.most_common()],
        network_rows=counts.get("network_rows"),
        reused=counts.get("reused", 0),
    )
