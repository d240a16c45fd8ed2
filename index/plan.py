"""Plan which (image, target) pairs are made, and in which shards. Pure and deterministic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


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
        """How many shards there are."""
        return -(-len(self) // self.pairs_per_shard)

    def shard(self, index: int) -> Plan:
        """Give the pairs of one shard.

        Raises:
            IndexError: There is no such shard.
        """
        if not 0 <= index < self.num_shards:
            raise IndexError(f"shard {index} is not one of the {self.num_shards}")
        rows = slice(index * self.pairs_per_shard, (index + 1) * self.pairs_per_shard)
        return Plan(
            self.sources[rows], self.targets[rows], self.variations[rows], self.pairs_per_shard
        )


def make_plan(
    labels: Integers,
    num_classes: int,
    *,
    pairs: str = "all",
    max_pairs: int | None = None,
    seed: int = 0,
    pairs_per_shard: int = 50,
    ranking: Integers | None = None,
    same_class: bool = False,
) -> Plan:
    """Plan the pairs of a build.

    Args:
        labels: Class of each source image, ``(N,)`` int64.
        num_classes: Number of classes C.
        pairs: Targets of each image: "all" other classes, "random:K" of them, or "nearest:K" by
            `ranking`.
        max_pairs: At most this many, balanced over (source class, target) and over sources.
        seed: Seed of the random choices.
        pairs_per_shard: Pairs of one shard.
        ranking: For each class the other classes, nearest first, ``(C, C - 1)`` int64; needed
            by "nearest:K".
        same_class: Each image's only target is its own class (image-to-image baselines).

    Raises:
        ValueError: A strategy or number makes no sense, or no pair is left.
    """
    rng = np.random.default_rng(seed)
    kind, count = _strategy(pairs, num_classes)
    sources, targets = [], []
    for row, label in enumerate(np.asarray(labels, dtype=np.int64).tolist()):
        chosen = [label] if same_class else _targets(kind, count, label, num_classes, ranking, rng)
        sources += [row] * len(chosen)
        targets += chosen
    if not sources:
        raise ValueError(f"no pairs: {len(labels)} images, {num_classes} classes")
    plan = np.array([sources, targets], dtype=np.int64)
    if max_pairs is not None:
        if max_pairs < 1:
            raise ValueError(f"max_pairs must be at least 1, got {max_pairs}")
        plan = plan[:, _balanced(plan, np.asarray(labels), num_classes, rng)[:max_pairs]]
    # Pairs of one image stand together, so that a shard encodes each image once.
    plan = plan[:, np.lexsort((plan[1], plan[0]))]
    return Plan(plan[0], plan[1], np.zeros(plan.shape[1], dtype=np.int64), pairs_per_shard)


def _strategy(pairs: str, num_classes: int) -> tuple[str, int]:
    """Read "random:3" as ("random", 3)."""
    kind, _, number = pairs.partition(":")
    if kind == "all" and not number:
        return kind, num_classes - 1
    if kind not in ("random", "nearest") or not number.isdecimal() or int(number) < 1:
        raise ValueError(f"pairs must be all, random:K or nearest:K, got {pairs!r}")
    return kind, min(int(number), num_classes - 1)


def _targets(
    kind: str,
    count: int,
    label: int,
    num_classes: int,
    ranking: Integers | None,
    rng: np.random.Generator,
) -> list[int]:
    others = [target for target in range(num_classes) if target != label]
    if kind == "random":
        return sorted(int(target) for target in rng.choice(others, count, replace=False))
    if kind == "nearest":
        if ranking is None:
            raise ValueError("pairs nearest:K needs the ranking of classes")
        return [int(target) for target in ranking[label][:count]]
    return others


def _balanced(
    plan: Integers, labels: Integers, num_classes: int, rng: np.random.Generator
) -> Integers:
    """Order pairs so that every prefix is spread over (source class, target) and over sources."""
    shuffled = rng.permutation(plan.shape[1])
    cell = (labels[plan[0]] * num_classes + plan[1])[shuffled]
    # Within a cell every pair has another source; prefer sources that were used least before.
    cell_rank = _rank_within(cell)
    source_rank = _rank_within(plan[0][shuffled])
    return np.asarray(shuffled[np.lexsort((source_rank, cell_rank))], dtype=np.int64)


def _rank_within(groups: Integers) -> Integers:
    """Number the members of each group in order of appearance, from 0."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    counts = np.diff(np.r_[starts, len(ordered)])
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(starts, counts)
    return rank
