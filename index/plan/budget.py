"""A budget of pairs shared out over classes, and images assigned to targets. Pure.

Everything is counted in cells, (source class, target), before any pair is named, so that a plan
of a thousand pairs out of a billion costs a thousand. Names used below, for C classes:

- ``sizes``, ``(C,)``: images of each class;
- ``num_targets``, ``(C,)``: targets of each class; ``order``, ``(C, C)``: a target's place among
  them;
- ``capacity``, ``(C, C)``: how many pairs a cell can give; ``taken``: how many it does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def capacities(
    strategy: str, count: int, order: Integers, num_targets: Integers, sizes: Integers
) -> Integers:
    """Return how many images of each source class may meet each target, ``(C, C)`` int64."""
    if strategy != "random":
        return np.broadcast_to(sizes[:, None], order.shape)
    # The first K x size pairs of a class (see `assign_images`) hold each of its images K times.
    pairs = np.minimum(count, num_targets) * sizes
    left = np.maximum(pairs[:, None] - order, 0)
    capacity: Integers = -(-left // np.maximum(num_targets, 1)[:, None])  # rounded up
    return capacity


def allocate(
    capacity: Integers,
    rounds: Integers,
    priority: Integers,
    per_class: int | None,
    max_pairs: int | None,
) -> Integers:
    """Return how many pairs each cell gives, ``(C, C)`` int64; they only grow with the budgets.

    The budget is shared out over the targets first, then over the source classes of each.

    Args:
        capacity: Pairs that each cell can give, ``(C, C)`` int64.
        rounds: In which round source class and target meet, ``(C, C)`` int64; earlier ones are
            served first, and each round holds every target once.
        priority: Classes, first served first, ``(C,)`` int64.
        per_class: At most this many pairs of a target.
        max_pairs: At most this many in all.
    """
    quotas = capacity.sum(0)
    if per_class is not None:
        quotas = np.minimum(quotas, per_class)
    if max_pairs is not None:
        quotas = fill(quotas, max_pairs, priority)
    taken = [
        fill(capacity[:, target], int(quotas[target]), rounds[:, target].argsort())
        for target in range(len(quotas))
    ]
    return np.stack(taken, axis=1)


def fill(capacity: Integers, total: int, priority: Integers) -> Integers:
    """Return shares of `total`, ``(C,)``, as even as `capacity` allows.

    What cannot be shared evenly goes one each to the unfilled, in the order of `priority`.

    >>> fill(np.array([1, 5, 5]), 8, np.array([2, 1, 0]))
    array([1, 3, 4])
    """
    low, high = 0, int(capacity.max(initial=0))
    while low < high:  # the highest level that all can be filled to
        level = (low + high + 1) // 2
        fits = np.minimum(capacity, level).sum() <= total
        low, high = (level, high) if fits else (low, level - 1)
    shares = np.minimum(capacity, low)
    unfilled = priority[capacity[priority] > low]
    shares[unfilled[: max(total - int(shares.sum()), 0)]] += 1
    return shares


def assign_images(
    taken: Integers,
    capacity: Integers,
    order: Integers,
    num_targets: Integers,
    sizes: Integers,
    members: Integers,
) -> Integers:
    """Return the image, target and variation of every pair, ``(3, P)`` int64.

    The n images and m targets of a class are walked through together, one step each at a time:
    pair p joins target p mod m to image (p + p // lcm(n, m)) mod n. The extra step after each
    common multiple makes all n x m pairs differ, and every prefix even over images and targets.

    Args:
        taken: Pairs that each cell gives, variations included, ``(C, C)`` int64.
        capacity: Pairs that each cell can give without variations, ``(C, C)`` int64.
        order: Place of each target among those of a class, ``(C, C)`` int64.
        num_targets: Targets of each class, ``(C,)`` int64.
        sizes: Images of each class, ``(C,)`` int64.
        members: Rows of all images, class by class, ``(N,)`` int64.
    """
    classes, targets = np.nonzero(taken)
    counts = taken[classes, targets]
    cell = np.repeat(np.arange(len(counts)), counts)
    visit = np.arange(len(cell)) - np.repeat(counts.cumsum() - counts, counts)
    classes, targets = classes[cell], targets[cell]
    variation, visit = np.divmod(visit, capacity[classes, targets])
    p = visit * num_targets[classes] + order[classes, targets]
    image = (p + p // np.lcm(num_targets, sizes)[classes]) % sizes[classes]
    first = sizes.cumsum() - sizes
    return np.stack([members[first[classes] + image], targets, variation]).astype(np.int64)
