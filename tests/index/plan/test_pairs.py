"""Pairs of a build, counted by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_transforms import UserError
from index.plan.pairs import make_plan, parse_pairs
from index.plan.plan import Plan

LABELS = np.array([0, 0, 1, 1, 2, 2])


def _pairs(plan: Plan) -> list[tuple[int, int]]:
    return list(zip(plan.sources.tolist(), plan.targets.tolist(), strict=True))


def test_all_pairs_every_image_with_every_other_class() -> None:
    plan = make_plan(LABELS, 3)
    expected = [(row, t) for row, own in enumerate(LABELS) for t in range(3) if t != own]
    assert _pairs(plan) == expected
    assert plan.variations.tolist() == [0] * 12
    assert plan.pairs_per_class(3).tolist() == [4, 4, 4]


def test_same_class_gives_each_image_its_own() -> None:
    assert _pairs(make_plan(LABELS, 3, same_class=True)) == list(enumerate(LABELS.tolist()))


def test_random_targets_are_distinct_others_and_follow_the_seed() -> None:
    labels = np.zeros(50, dtype=np.int64)
    plan = make_plan(labels, 5, pairs="random:2", seed=1)
    assert set(Counter(plan.sources.tolist()).values()) == {2}
    assert len(set(_pairs(plan))) == 100
    assert plan.pairs_per_class(5).tolist() == [0, 25, 25, 25, 25]
    assert _pairs(plan) == _pairs(make_plan(labels, 5, pairs="random:2", seed=1))
    assert _pairs(plan) != _pairs(make_plan(labels, 5, pairs="random:2", seed=2))


def test_nearest_targets_come_from_the_ranking() -> None:
    ranking = np.array([[2, 1], [0, 2], [1, 0]])
    plan = make_plan(LABELS, 3, pairs="nearest:1", ranking=ranking)
    assert plan.targets.tolist() == [2, 2, 0, 0, 1, 1]
    first = make_plan(LABELS, 3, pairs="nearest:1", ranking=ranking[:, :1])
    assert _pairs(first) == _pairs(plan)  # the others are not asked for
    with pytest.raises(ValueError, match=r"ranking has shape \(3, 1\), for 3 classes"):
        make_plan(LABELS, 3, pairs="nearest:2", ranking=ranking[:, :1])


def test_confusion_takes_sources_from_the_classes_a_target_is_taken_for() -> None:
    # Class 0 is most often taken for 2, class 1 for 0, class 2 for 1.
    confusion = np.array([[90, 1, 9], [5, 94, 1], [0, 3, 97]])
    plan = make_plan(LABELS, 3, pairs="confusion:1", confusion=confusion)
    assert _pairs(plan) == [(0, 1), (1, 1), (2, 2), (3, 2), (4, 0), (5, 0)]


def test_confusion_without_confusions_falls_back_on_the_ranking() -> None:
    ranking = np.array([[2, 1], [0, 2], [1, 0]])
    plan = make_plan(LABELS, 3, pairs="confusion:1", confusion=np.eye(3), ranking=ranking)
    assert sorted(set(zip(LABELS[plan.sources].tolist(), plan.targets.tolist(), strict=True))) == [
        (0, 1), (1, 2), (2, 0),
    ]  # fmt: skip


def test_max_pairs_is_balanced_over_cells_and_sources() -> None:
    labels = np.repeat(np.arange(4), 6)  # 12 (source class, target) cells of 6 pairs
    plan = make_plan(labels, 4, max_pairs=24)
    cells = Counter(zip(labels[plan.sources].tolist(), plan.targets.tolist(), strict=True))
    assert set(cells.values()) == {2}
    assert len(cells) == 12
    assert set(Counter(plan.sources.tolist()).values()) == {1}


def test_fewer_pairs_than_classes_still_spread() -> None:
    labels = np.arange(10)
    plan = make_plan(labels, 10, max_pairs=10)
    assert plan.pairs_per_class(10).tolist() == [1] * 10
    assert sorted(plan.sources.tolist()) == list(range(10))


def test_long_tail_only_small_classes_get_up_to_a_number_of_negatives() -> None:
    labels = np.repeat([0, 1, 2, 3], [30, 20, 2, 1])
    plan = make_plan(labels, 4, max_class_size=2, per_class=6)
    assert plan.pairs_per_class(4).tolist() == [0, 0, 6, 6]
    of_class_3 = Counter(labels[plan.sources[plan.targets == 3]].tolist())
    assert of_class_3 == {0: 2, 1: 2, 2: 2}
    # Class 3 has a single image to give: the others make up for it.
    of_class_2 = Counter(labels[plan.sources[plan.targets == 2]].tolist())
    assert of_class_2[3] == 1
    assert sorted(of_class_2.values()) == [1, 2, 3]


def test_only_classes_restricts_targets_not_sources() -> None:
    plan = make_plan(LABELS, 3, only_classes=[1])
    assert _pairs(plan) == [(0, 1), (1, 1), (4, 1), (5, 1)]


def test_variations_repeat_pairs_after_all_are_used() -> None:
    plan = make_plan(np.array([0, 1]), 2, variations=3)
    assert _pairs(plan) == [(0, 1)] * 3 + [(1, 0)] * 3
    assert plan.variations.tolist() == [0, 1, 2, 0, 1, 2]
    labels = np.array([0, 0, 0, 1])
    plan = make_plan(labels, 2, variations=2, per_class=4)
    of_class_1 = plan.targets == 1
    assert set(plan.sources[of_class_1].tolist()) == {0, 1, 2}
    assert sorted(plan.variations[of_class_1].tolist()) == [0, 0, 0, 1]


@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=25),
    pairs=st.sampled_from(["all", "random:1", "random:3"]),
    budget=st.integers(1, 60),
    seed=st.integers(0, 5),
)
def test_every_plan_is_legal_balanced_and_part_of_a_larger_one(
    labels: list[int], pairs: str, budget: int, seed: int
) -> None:
    classes = np.array(labels)
    whole = make_plan(classes, 5, pairs=pairs, seed=seed)
    per_image = 4 if pairs == "all" else int(pairs[-1])
    assert Counter(whole.sources.tolist()) == dict.fromkeys(range(len(labels)), per_image)
    assert len(set(_pairs(whole))) == len(whole)
    assert (classes[whole.sources] != whole.targets).all()

    part = make_plan(classes, 5, pairs=pairs, seed=seed, max_pairs=budget)
    more = make_plan(classes, 5, pairs=pairs, seed=seed, max_pairs=budget + 7)
    assert len(part) == min(budget, len(whole))
    assert set(_pairs(part)) <= set(_pairs(more)) <= set(_pairs(whole))
    per_target, most = part.pairs_per_class(5), whole.pairs_per_class(5)
    fed = per_target[per_target < most]  # targets that could have had more
    assert not len(fed) or per_target.max() <= fed.min() + 1


def test_a_thousand_pairs_of_a_billion_cost_little() -> None:
    labels = np.arange(1_000_000) % 1000
    plan = make_plan(labels, 1000, max_pairs=1000)
    assert plan.pairs_per_class(1000).tolist() == [1] * 1000
    with pytest.raises(ValueError, match="999000000 pairs are more than one plan holds"):
        make_plan(labels, 1000)


def test_shard_size_does_not_change_the_plan() -> None:
    one, other = (make_plan(LABELS, 3, max_pairs=7, pairs_per_shard=size) for size in (1, 4))
    assert _pairs(one) == _pairs(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": "some"}, "got 'some'"),
        ({"pairs": "random"}, "got 'random'"),
        ({"pairs": "random:0"}, "got 'random:0'"),
        ({"pairs": "all:3"}, "got 'all:3'"),
        ({"pairs": "nearest:2"}, "needs the ranking"),
        ({"pairs": "confusion:2"}, "needs a confusion matrix"),
        ({"pairs": "confusion:2", "confusion": np.zeros((3, 2))}, r"square, got shape \(3, 2\)"),
        ({"pairs": "confusion:2", "confusion": -np.eye(3)}, "negative or NaN"),
        ({"pairs": "confusion:2", "confusion": np.eye(4)}, "4 classes, but there are 3"),
        ({"pairs": "nearest:2", "ranking": np.zeros((4, 3))}, r"ranking has shape \(4, 3\)"),
        ({"max_pairs": 0}, "max_pairs must be at least 1, got 0"),
        ({"per_class": 0}, "per_class must be at least 1, got 0"),
        ({"variations": 0}, "variations must be at least 1, got 0"),
        ({"only_classes": [1, 7]}, r"only_classes \[7\]: there are 3 classes"),
        ({"only_classes": []}, "no pairs: 6 images"),
        ({"max_class_size": 1}, "no pairs: 6 images, 3 classes.*max_class_size 1"),
        ({"labels": np.array([0, 3])}, "label 3 is not one of the 3"),
        ({"num_classes": 1, "labels": np.zeros(3, dtype=np.int64)}, "no pairs: 3 images"),
    ],
)
def test_bad_requests_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_plan(**{"labels": LABELS, "num_classes": 3, **change})  # type: ignore[arg-type]


def test_strategies_are_read_before_there_are_classes() -> None:
    assert parse_pairs("all") == ("all", None)
    assert parse_pairs("confusion:4") == ("confusion", 4)
    with pytest.raises(UserError, match=r"nearest:K or confusion:K.* got 'neerest:5'"):
        parse_pairs("neerest:5")


def test_a_plan_of_more_shards_than_a_bank_has_is_refused() -> None:
    labels = np.arange(400) % 200
    assert make_plan(labels, 200).num_shards == -(-400 * 199 // 141)  # half the root of 79,600
    with pytest.raises(UserError, match=r"79600 shards: a bank has at most 50000.*at least 2"):
        make_plan(labels, 200, pairs_per_shard=1)
    assert make_plan(labels, 200, pairs_per_shard=2).num_shards == 39_800
