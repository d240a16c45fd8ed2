"""Which settings decide the pairs of a build."""

from __future__ import annotations

PLAN_FIELDS = frozenset(
    {"source", "class_names", "pairs", "confusion", "per_class", "only_classes"}
    | {"max_class_size", "variations", "max_pairs", "pairs_per_shard"}
)
"""Fields that decide which pairs there are, not what a pair is: they may change as a bank grows."""
