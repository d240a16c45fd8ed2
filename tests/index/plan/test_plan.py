"""A plan is cut into shards."""

import numpy as np
import pytest

from index.plan.plan import Plan, shard_size


def _plan(pairs_per_shard: int) -> Plan:
    sources, targets = np.repeat(np.arange(6), 2), np.tile([1, 2], 6)
    return Plan(sources, targets, np.zeros(12, dtype=np.int64), pairs_per_shard)


def test_shards_partition_the_plan() -> None:
    plan = _plan(5)
    shards = [plan.shard(number) for number in range(plan.num_shards)]
    assert [len(shard) for shard in shards] == [5, 5, 2]
    assert np.concatenate([shard.sources for shard in shards]).tolist() == plan.sources.tolist()
    assert np.concatenate([shard.targets for shard in shards]).tolist() == plan.targets.tolist()
    assert _plan(6).num_shards == 2
    with pytest.raises(IndexError, match="shard 3 is not one of the 3"):
        plan.shard(3)


def test_some_pairs_of_a_plan() -> None:
    some = _plan(5).take([3, 0])
    assert (some.sources.tolist(), some.targets.tolist()) == ([1, 0], [2, 1])
    assert some.pairs_per_shard == 5
    assert _plan(5).pairs_per_class(4).tolist() == [0, 6, 6, 0]


@pytest.mark.parametrize(
    ("pairs", "size"), [(1, 50), (10_000, 50), (10_404, 51), (10**6, 500), (10**8, 5000)]
)
def test_shards_grow_with_the_root_of_a_plan(pairs: int, size: int) -> None:
    assert shard_size(pairs) == size
