"""Budgets shared out over classes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index.plan.budget import allocate, assign_images, capacities, fill


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(0, 60))
def test_shares_are_as_even_as_capacities_allow(most: list[int], total: int) -> None:
    capacity = np.array(most)
    shares = fill(capacity, total, np.arange(len(most)))
    assert shares.sum() == min(total, capacity.sum())
    assert (shares <= capacity).all()
    unfilled = shares[shares < capacity]
    assert not len(unfilled) or shares.max() <= unfilled.min() + 1


def test_what_is_left_goes_to_the_first_by_priority() -> None:
    capacity, priority = np.array([1, 5, 5]), np.array([2, 1, 0])
    assert fill(capacity, 8, priority).tolist() == [1, 3, 4]
    assert fill(capacity, 1, priority).tolist() == [0, 0, 1]


# Two images of class 0, one of class 1, one of class 2; each class meets the two others.
SIZES, NUM_TARGETS = np.array([2, 1, 1]), np.array([2, 2, 2])
ORDER = np.array([[2, 0, 1], [1, 2, 0], [0, 1, 2]])


def test_capacities_by_hand() -> None:
    every = capacities("all", 2, ORDER, NUM_TARGETS, SIZES)
    assert every.tolist() == [[2, 2, 2], [1, 1, 1], [1, 1, 1]]
    # With one target an image: one of class 0's two images meets class 1, the other class 2.
    one = capacities("random", 1, ORDER, NUM_TARGETS, SIZES)
    assert one.tolist() == [[0, 1, 1], [0, 0, 1], [1, 0, 0]]


def test_budgets_by_hand() -> None:
    capacity = np.array([[0, 2, 2], [1, 0, 1], [1, 1, 0]])
    rounds, priority = np.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]]), np.array([0, 1, 2])
    assert allocate(capacity, rounds, priority, None, None).tolist() == capacity.tolist()
    # Four pairs: two of class 0, the first by priority; a target's earliest round comes first.
    taken = allocate(capacity, rounds, priority, None, 4)
    assert taken.tolist() == [[0, 1, 0], [1, 0, 1], [1, 0, 0]]
    assert allocate(capacity, rounds, priority, 1, None).sum(0).tolist() == [1, 1, 1]


def test_images_by_hand() -> None:
    members = np.array([7, 5, 6, 8])  # class 0: rows 7 and 5
    capacity = np.array([[0, 2, 2], [1, 0, 1], [1, 1, 0]])
    taken = np.array([[0, 3, 1], [0, 0, 1], [0, 0, 0]])
    sources, targets, variations = assign_images(
        taken, capacity, ORDER, NUM_TARGETS, SIZES, members
    )
    # The third pair of (0, 1) is the first again, with other noise; (0, 2) starts with row 5.
    assert sources.tolist() == [7, 5, 7, 5, 6]
    assert targets.tolist() == [1, 1, 1, 2, 2]
    assert variations.tolist() == [0, 0, 1, 0, 0]
