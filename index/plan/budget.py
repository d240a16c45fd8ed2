"""Share a budget of pairs out over classes, and deal images to targets. Pure.

Everything is counted in cells, (source class, target), before any pair is named, so that a plan
of a thousand pairs out of a billion costs a thousand. Names used below, for C classes:

- ``sizes``, ``(C,)``: images of each class;
- ``met``, ``(C,)``: targets of each class; ``turns``, ``(C, C)``: a target's place among them;
- ``times``, ``(C, C)``: how many images of a class may meet a target; ``taken``: how many do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def capacities(kind: str, count: int, turns: Integers, met: Integers, sizes: Integers) -> Integers:
    """Count the images of each source class that may meet each target, ``(C, C)`` int64."""
    if kind != "random":
        return np.broadcast_to(sizes[:, None], turns.shape)
    # The first K x size pairs of a class (see `assign_images`) hold each of its images K times.
    pairs = np.minimum(count, met) * sizes
    times: Integers = -(-np.maximum(pairs[:, None] - turns, 0) // np.maximum(met, 1)[:, None])
    return times


def allocate(
    most: Integers,
    rounds: Integers,
    order: Integers,
    per_class: int | None,
    max_pairs: int | None,
) -> Integers:
    """Share the budget out: first over targets, then over the source classes of each.

    Args:
        most: Pairs that each cell can give, ``(C, C)`` int64.
        rounds: In which round source class and target meet, ``(C, C)`` int64; earlier ones are
            served first, and each round holds every target once.
        order: Classes, first served first, ``(C,)`` int64.
        per_class: At most this many pairs of a target.
        max_pairs: At most this many in all.

    Returns:
        Pairs that each cell gives, ``(C, C)`` int64; they only grow with the budgets.
    """
    quotas = most.sum(0)
    if per_class is not None:
        quotas = np.minimum(quotas, per_class)
    if max_pairs is not None:
        quotas = fill(quotas, max_pairs, order)
    taken = [
        fill(most[:, target], int(quotas[target]), rounds[:, target].argsort())
        for target in range(len(quotas))
    ]
    return np.stack(taken, axis=1)


def fill(most: Integers, total: int, order: Integers) -> Integers:
    """Share `total` as evenly as `most` allows; what is left goes one each, in `order`.

    >>> fill(np.array([1, 5, 5]), 8, np.array([2, 1, 0]))
    array([1, 3, 4])
    """
    low, high = 0, int(most.max(initial=0))
    while low < high:
        level = (low + high + 1) // 2
        low, high = (level, high) if np.minimum(most, level).sum() <= total else (low, level - 1)
    shares = np.minimum(most, low)
    hungry = order[most[order] > low]
    shares[hungry[: max(total - int(shares.sum()), 0)]] += 1
    return shares


def assign_images(
    taken: Integers,
    times: Integers,
    turns: Integers,
    met: Integers,
    sizes: Integers,
    members: Integers,
) -> Integers:
    """Name the image of every meeting: source, target and variation, ``(3, P)`` int64.

    The n images and m targets of a class are dealt out together, one step each at a time: pair p
    joins target p mod m to image (p + p // lcm(n, m)) mod n. The extra step after each common
    multiple makes all n x m pairs differ, and every prefix even over images and targets.
    """
    classes, targets = np.nonzero(taken)
    counts = taken[classes, targets]
    cell = np.repeat(np.arange(len(counts)), counts)
    visit = np.arange(len(cell)) - np.repeat(counts.cumsum() - counts, counts)
    classes, targets = classes[cell], targets[cell]
    variation, visit = np.divmod(visit, times[classes, targets])
    p = visit * met[classes] + turns[classes, targets]
    image = (p + p // np.lcm(met, sizes)[classes]) % sizes[classes]
    first = sizes.cumsum() - sizes
    return np.stack([members[first[classes] + image], targets, variation]).astype(np.int64)
