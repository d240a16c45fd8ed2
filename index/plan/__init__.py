"""Which (image, target) pairs a build makes, and in which shards.

Pure functions over arrays: no model, no clock, no worker count; only a confusion matrix may be read
from disk. The plan is computed, not stored: every process computes the same one.
"""

from .config import PLAN_FIELDS, PlanConfig
from .confusion import knn_confusion, read_confusion
from .keys import PairKeys, distinct_rows, plan_keys
from .pairs import make_plan, parse_pairs
from .plan import MOST_SHARDS, Plan, shard_size

__all__ = [
    "MOST_SHARDS",
    "PLAN_FIELDS",
    "PairKeys",
    "Plan",
    "PlanConfig",
    "distinct_rows",
    "knn_confusion",
    "make_plan",
    "parse_pairs",
    "plan_keys",
    "read_confusion",
    "shard_size",
]
