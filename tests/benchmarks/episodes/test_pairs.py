"""The pairs of an episode."""

from __future__ import annotations

from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.pairs import cross_class_pairs, same_class_pairs


def test_negatives_come_from_the_other_classes(episode: Episode) -> None:
    pairs = cross_class_pairs(episode)
    assert pairs.sources.tolist() == [1, 3, 4, 3, 4, 1]
    assert pairs.targets.tolist() == [0, 0, 1, 1, 2, 2]
    assert pairs.classes.tolist() == [4, 4, 1, 1, 3, 3]


def test_pairs_by_hand() -> None:
    two = Episode((4, 1), ((8, 9), (2, 3)), ((100,), (101,)))
    assert same_class_pairs(two).sources.tolist() == [8, 9, 2, 3]
    assert same_class_pairs(two).classes.tolist() == [4, 4, 1, 1]
    assert cross_class_pairs(two).sources.tolist() == [2, 3, 8, 9]
    assert cross_class_pairs(two).classes.tolist() == [4, 4, 1, 1]
