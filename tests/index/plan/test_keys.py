"""Names of pairs."""

import numpy as np

from index.plan.keys import pair_key, plan_keys
from index.plan.plan import Plan


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
    keys = plan_keys(plan, ["a", "b"], ["cat", "dog"], lambda source, target: f"{source} {target}")
    assert keys == [pair_key("a", "dog", 0, "0 1"), pair_key("b", "cat", 3, "1 0")]
    # What banks on disk hold must never change.
    assert pair_key("a", "dog", 0, "a photo") == "18b32be9b561ebf13b7d62ee07bf08e5"
