"""."""

from .config import PLAN_FIELDS
from .confusion import knn_confusion, read_confusion
from .keys import plan_keys
from .pairs import make_plan
from .plan import Plan

__all__ = [
    "PLAN_FIELDS",
    "Plan",
    "knn_confusion",
    "make_plan",
    "plan_keys",
    "read_confusion",
]
