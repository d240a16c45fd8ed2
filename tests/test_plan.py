"""Plans, counted by hand."""

from collections import Counter

import numpy as np
import pytest

from index.plan import make_plan

LABELS = np.array([0, 0, 1, 1, 2, 2])


def _pairs(plan: object) -> list[tuple[int, int]]:
    return list(zip(plan.sources.tolist(), plan.targets.tolist(), strict=True))  # type: ignore[attr-defined]


def test_all_pairs_every_image_with_every_other_class() -> None:
    plan = make_plan(LABELS, 3)
    expected = [(row, t) for row, own in enumerate(LABELS) for t in range(3) if t != own]
    assert _pairs(plan) == expected
    assert plan.variations.tolist() == [0] * 12


def test_same_class_gives_each_image_its_own() -> None:
    assert _pairs(make_plan(LABELS, 3, same_class=True)) == list(enumerate(LABELS.tolist()))


def test_random_targets_are_distinct_others_and_follow_the_seed() -> None:
    labels = np.zeros(50, dtype=np.int64)
    plan = make_plan(labels, 5, pairs="random:2", seed=1)
    assert set(Counter(plan.sources.tolist()).values()) == {2}
    assert len(set(_pairs(plan))) == 100
    assert set(plan.targets.tolist()) == {1, 2, 3, 4}
    assert _pairs(plan) == _pairs(make_plan(labels, 5, pairs="random:2", seed=1))
    assert _pairs(plan) != _pairs(make_plan(labels, 5, pairs="random:2", seed=2))


def test_nearest_targets_come_from_the_ranking() -> None:
    ranking = np.array([[2, 1], [0, 2], [1, 0]])
    plan = make_plan(LABELS, 3, pairs="nearest:1", ranking=ranking)
    assert plan.targets.tolist() == [2, 2, 0, 0, 1, 1]


def test_max_pairs_is_balanced_over_cells_and_sources() -> None:
    labels = np.repeat(np.arange(4), 6)  # 12 (source class, target) cells of 6 pairs
    plan = make_plan(labels, 4, max_pairs=24)
    cells = Counter(zip(labels[plan.sources].tolist(), plan.targets.tolist(), strict=True))
    assert set(cells.values()) == {2}
    assert len(cells) == 12
    assert max(Counter(plan.sources.tolist()).values()) <= 2


def test_shards_partition_the_plan() -> None:
    plan = make_plan(LABELS, 3, pairs_per_shard=5)
    assert plan.num_shards == 3
    assert [len(plan.shard(k)) for k in range(3)] == [5, 5, 2]
    assert [pair for k in range(3) for pair in _pairs(plan.shard(k))] == _pairs(plan)
    with pytest.raises(IndexError, match="shard 3 is not one of the 3"):
        plan.shard(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": "some"}, "got 'some'"),
        ({"pairs": "random"}, "got 'random'"),
        ({"pairs": "random:0"}, "got 'random:0'"),
        ({"pairs": "nearest:2"}, "needs the ranking"),
        ({"max_pairs": 0}, "at least 1, got 0"),
        ({"num_classes": 1, "labels": np.zeros(3, dtype=np.int64)}, "no pairs: 3 images"),
    ],
)
def test_bad_requests_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_plan(**{"labels": LABELS, "num_classes": 3, **change})  # type: ignore[arg-type]
