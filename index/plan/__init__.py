"""."""

from .config import PLAN_FIELDS
from .confusion import knn_confusion, read_confusion
from .keys import plan_keys
from .pairs import make_plan, parse_pairs
from .plan import Plan

__all__ = [
    "PLAN_FIELDS",
    "Plan",
    "knn_confusion",
    "make_plan",
    "parse_pairs",
    "plan_keys",
    "read_confusion",
]
