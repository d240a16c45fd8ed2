"""Names of pairs."""

import numpy as np
import pytest

from index.plan import keys
from index.plan.keys import distinct_rows, pair_key, plan_keys
from index.plan.plan import Plan


def _prompt(source: int, target: int, variation: int) -> str:
    return ["one", "two"][target]


def test_each_part_of_a_pair_counts() -> None:
    base = ("digest", "dog", 0, "a photo of a dog")
    others = [
        ("Digest", *base[1:]),
        ("digest", "do", 0, "ga photo of a dog"),
        (*base[:2], 1, base[3]),
    ]
    keys = {pair_key(*pair) for pair in (base, *others)}  # type: ignore[arg-type]
    assert len(keys) == 4
    assert all(len(key) == 32 and int(key, 16) >= 0 for key in keys)


def test_keys_follow_content_not_numbers() -> None:
    plan = Plan(np.array([0, 1]), np.array([1, 0]), np.array([0, 3]), 5)
    keys = plan_keys(plan, ["a", "b"], ["cat", "dog"], "é{} {} {}".format)
    assert list(keys) == [pair_key("a", "dog", 0, "é0 1 0"), pair_key("b", "cat", 3, "é1 0 3")]
    # What banks on disk hold must never change.
    assert pair_key("a", "dog", 0, "a photo") == "18b32be9b561ebf13b7d62ee07bf08e5"


def test_keys_take_16_bytes_and_are_a_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(np.arange(7), np.arange(7) % 2, np.zeros(7, dtype=np.int64), 5)
    whole = plan_keys(plan, list("abcdefg"), ["cat", "dog"], _prompt)
    monkeypatch.setattr(keys, "_BLOCK", 3)
    assert list(plan_keys(plan, list("abcdefg"), ["cat", "dog"], _prompt)) == list(whole)
    assert whole.nbytes == 7 * 16
    assert whole[-1] == list(whole)[6] == pair_key("g", "cat", 0, "one")
    assert list(whole[2:4]) == [whole[2], whole[3]]
    assert whole[3] in whole
    with pytest.raises(IndexError):
        whole[7]


def test_copies_within_a_class_are_left_out_and_nothing_else() -> None:
    digests, labels = ["a", "b", "a", "a", "", ""], np.array([0, 0, 1, 0, 0, 0])
    assert distinct_rows(digests, labels).tolist() == [0, 1, 2, 4, 5]
    captions = ["one", "two", "one", "other", "one", "one"]
    assert distinct_rows(digests, labels, captions).tolist() == [0, 1, 2, 3, 4, 5]
    assert distinct_rows(list("abc"), np.array([0, 0, 1])).tolist() == [0, 1, 2]
