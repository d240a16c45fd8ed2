"""A plan: which (image, target) pairs are made, and in which shards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

SMALLEST_SHARD = 50
"""Pairs of a shard that is not asked for otherwise, at least: with fewer, files are many."""


MOST_SHARDS = 50_000
"""Whoever opens a bank maps every shard, and Linux lets a process have 65,530 maps. The names of
shards have five digits."""


def shard_size(num_pairs: int) -> int:
    """Return the pairs of one shard that suit a plan.

    What is lost with a process grows with a shard, what listing and opening take with their number:
    from 10,000 pairs on, both grow with the root of the plan.
    """
    return max(SMALLEST_SHARD, round(math.sqrt(num_pairs) / 2))


@dataclass(frozen=True)
class Plan:
    """P pairs, cut into shards of a fixed size.

    The bounds of shards depend on nothing but the plan, so that a build can be resumed with
    another number of workers.

    Attributes:
        sources: Rows of the source dataset, ``(P,)`` int64.
        targets: Target classes, ``(P,)`` int64.
        variations: Number of the repetition of the same pair, ``(P,)`` int64, from 0.
        pairs_per_shard: Pairs of one shard; the last one may be shorter.
    """

    sources: Integers
    targets: Integers
    variations: Integers
    pairs_per_shard: int

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def num_shards(self) -> int:
        """Number of shards."""
        return -(-len(self) // self.pairs_per_shard)

    def shard(self, index: int) -> Plan:
        """Return the pairs of one shard.

        Raises:
            IndexError: There is no such shard.
        """
        if not 0 <= index < self.num_shards:
            raise IndexError(f"shard {index} is not one of the {self.num_shards}")
        rows = slice(index * self.pairs_per_shard, (index + 1) * self.pairs_per_shard)
        return self.take(rows)

    def take(self, rows: slice | Sequence[int]) -> Plan:
        """Return some of the pairs, as a plan."""
        chosen = rows if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)
        return Plan(
            self.sources[chosen],
            self.targets[chosen],
            self.variations[chosen],
            self.pairs_per_shard,
        )

    def pairs_per_class(self, num_classes: int) -> Integers:
        """Return the number of pairs of each target class, ``(num_classes,)`` int64."""
        return np.bincount(self.targets, minlength=num_classes).astype(np.int64)
