"""Reading a bank: `Bank.open` maps its shards, applies a filter, and finds and decodes rows.

Nothing of the data is read or kept in memory before it is asked for, for every DataLoader worker
holds a bank of its own. The room reads and never writes, but for the decoded cache.
"""

from .bank import Bank
from .class_names import check_names, some_names
from .lookup import RowNumbers
from .renumbered import RenumberedBank

__all__ = [
    "Bank",
    "RenumberedBank",
    "RowNumbers",
    "check_names",
    "some_names",
]
