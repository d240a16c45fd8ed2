"""Which (image, target) pairs are made: strategies and budgets. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genie_transforms import UserError

from .budget import allocate, assign_images, capacities
from .confusion import most_confused
from .plan import MOST_SHARDS, Integers, Plan, shard_size

Mask = npt.NDArray[np.bool_]

MOST_PAIRS = 100_000_000
"""A plan is held in memory; beyond this something else was meant."""


def make_plan(
    labels: Integers,
    num_classes: int,
    *,
    pairs: str = "all",
    max_pairs: int | None = None,
    per_class: int | None = None,
    only_classes: Sequence[int] | None = None,
    max_class_size: int | None = None,
    variations: int = 1,
    seed: int = 0,
    pairs_per_shard: int = 0,
    ranking: Integers | None = None,
    confusion: npt.NDArray[np.floating | np.integer] | None = None,
    same_class: bool = False,
) -> Plan:
    """Return the pairs of a build.

    Budgets cut a fixed order of all pairs, balanced over targets first, then over the source
    classes of a target, then over the images of a class. So a larger budget with the same seed
    keeps every pair of a smaller one.

    Args:
        labels: Class of each source image, ``(N,)`` int64.
        num_classes: Number of classes C.
        pairs: Which classes meet: "all" others; "random:K", K others for each image, spread
            evenly; "nearest:K", the K targets nearest to the image's class by `ranking`;
            "confusion:K", as sources only the K classes that each target is most confused with
            (paper, long-tail experiments, K = 4).
        max_pairs: At most this many.
        per_class: At most this many of each target.
        only_classes: Targets; all if not given. Sources come from all classes.
        max_class_size: Only targets with at most this many images (long tail).
        variations: How often each pair may be made, with other noise.
        seed: Seed of the order.
        pairs_per_shard: Pairs of one shard; 0 for `shard_size`.
        ranking: For each class the other classes, nearest first: at least K, ``(C, K)`` int64,
            for "nearest:K"; all, ``(C, C - 1)``, to break ties for "confusion:K".
        confusion: Counts or rates, rows the true class and columns the predicted one,
            ``(C, C)``; needed by "confusion:K".
        same_class: Each image's only target is its own class (image-to-image baselines);
            `pairs` is not used then.

    Returns:
        Pairs in the order of sources, then targets, then variations.

    Raises:
        UserError: A strategy or number makes no sense, or no pair is left.
        ValueError: A label is out of range, or an array that the strategy needs is missing or
            has another shape.
    """
    labels = _checked_labels(labels, num_classes)
    _at_least_one(max_pairs=max_pairs, per_class=per_class, max_class_size=max_class_size)
    _at_least_one(variations=variations)
    strategy, number = parse_pairs(pairs)
    count = num_classes - 1 if number is None else min(number, num_classes - 1)
    if same_class:
        strategy, allowed = "all", np.eye(num_classes, dtype=np.bool_)
    else:
        allowed = _allowed(strategy, count, num_classes, ranking, confusion)
    sizes = np.bincount(labels, minlength=num_classes).astype(np.int64)
    allowed &= _wanted(sizes, only_classes, max_class_size)[None]

    rng = np.random.default_rng(seed)
    places = rng.permutation(num_classes)
    # Everyone meets the others as in a round robin: each round, every class is met once.
    rounds = (places[None] - places[:, None]) % num_classes
    order = np.where(allowed, rounds, num_classes).argsort(1, kind="stable").argsort(1)
    num_targets = allowed.sum(1)
    capacity = capacities(strategy, count, order, num_targets, sizes) * allowed
    taken = allocate(capacity * variations, rounds, places.argsort(), per_class, max_pairs)
    limits = f"only_classes {only_classes}, max_class_size {max_class_size}"
    _check_total(taken, f"{len(labels)} images, {num_classes} classes, pairs {pairs!r}, {limits}")
    members = _shuffled_by_class(rng, labels)
    assigned = assign_images(taken, capacity, order, num_targets, sizes, members)
    # Pairs of one image stand together, so that a shard encodes each image once.
    sources, targets, repeats = assigned[:, np.lexsort(assigned[::-1])]
    each = pairs_per_shard or shard_size(len(sources))
    return _checked_shards(Plan(sources, targets, repeats, each))


def _at_least_one(**limits: int | None) -> None:
    for name, value in limits.items():
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, got {value}")


def _check_total(taken: Integers, request: str) -> None:
    total = int(taken.sum())
    if not total:
        raise UserError(f"no pairs: {request}")
    if total > MOST_PAIRS:
        raise UserError(
            f"{total} pairs are more than one plan holds ({MOST_PAIRS}): give max_pairs, "
            "per_class, or another strategy than all"
        )


def _checked_shards(plan: Plan) -> Plan:
    if plan.num_shards > MOST_SHARDS:
        raise UserError(
            f"{len(plan)} pairs, {plan.pairs_per_shard} a shard, are {plan.num_shards} shards: a "
            f"bank has at most {MOST_SHARDS}. Leave --pairs-per-shard out, or give at least "
            f"{-(-len(plan) // MOST_SHARDS)}"
        )
    return plan


def _shuffled_by_class(rng: np.random.Generator, labels: Integers) -> Integers:
    """Return all rows, ``(N,)`` int64, class by class, those of a class in random order."""
    shuffled = rng.permutation(len(labels))
    return shuffled[labels[shuffled].argsort(kind="stable")]


def _checked_labels(labels: Integers, num_classes: int) -> Integers:
    labels = np.asarray(labels, dtype=np.int64)
    outside = labels[(labels < 0) | (labels >= num_classes)]
    if len(outside):
        raise ValueError(f"label {outside[0]} is not one of the {num_classes} classes")
    return labels


def parse_pairs(pairs: str) -> tuple[str, int | None]:
    """Read which classes meet: "random:3" as ("random", 3), "all" as ("all", None).

    Raises:
        UserError: It is none of all, random:K, nearest:K and confusion:K, or K is below 1.
    """
    if pairs == "all":
        return pairs, None
    strategy, _, number = pairs.partition(":")
    known = strategy in ("random", "nearest", "confusion")
    if not known or not number.isdecimal() or int(number) < 1:
        raise UserError(
            "pairs must be all, random:K, nearest:K or confusion:K, with K at least 1, "
            f"got {pairs!r}"
        )
    return strategy, int(number)


def _allowed(
    strategy: str,
    count: int,
    num_classes: int,
    ranking: Integers | None,
    confusion: npt.NDArray[np.floating | np.integer] | None,
) -> Mask:
    """Return which source class may meet which target, ``(C, C)`` bool."""
    others = ~np.eye(num_classes, dtype=np.bool_)
    if strategy in ("all", "random"):
        return others
    chosen = np.zeros_like(others)
    if strategy == "nearest":
        if ranking is None:
            raise ValueError("pairs nearest:K needs the ranking of classes")
        if len(ranking) != num_classes or np.shape(ranking)[1] < count:
            raise ValueError(
                f"the ranking has shape {np.shape(ranking)}, for {num_classes} classes"
            )
        np.put_along_axis(chosen, np.asarray(ranking)[:, :count], True, axis=1)
        return chosen & others
    if confusion is None:
        raise ValueError("pairs confusion:K needs a confusion matrix")
    confused = most_confused(confusion, count, ranking)
    if len(confused) != num_classes:
        raise UserError(
            f"the confusion matrix has {len(confused)} classes, but there are {num_classes}"
        )
    np.put_along_axis(chosen, confused, True, axis=1)
    return chosen.T & others


def _wanted(
    sizes: Integers, only_classes: Sequence[int] | None, max_class_size: int | None
) -> Mask:
    """Return which classes are targets, ``(C,)`` bool."""
    wanted = np.ones(len(sizes), dtype=np.bool_)
    if only_classes is not None:
        unknown = [label for label in only_classes if not 0 <= label < len(sizes)]
        if unknown:
            raise UserError(f"only_classes {unknown}: there are {len(sizes)} classes, from 0")
        wanted = np.isin(np.arange(len(sizes)), np.asarray(only_classes, dtype=np.int64))
    if max_class_size is not None:
        wanted &= sizes <= max_class_size
    return wanted
