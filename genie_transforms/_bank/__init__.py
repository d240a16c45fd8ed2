"""."""

from .bank import Bank
from .lookup import RowNumbers

__all__ = [
    "Bank",
    "RowNumbers",
]
