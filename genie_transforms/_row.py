"""One hard negative of a bank: its columns as Python values."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from ._bank import Bank


@dataclass(frozen=True)
class Row:
    """One hard negative; the columns are described in `_schema.py`."""

    label: int
    source_label: int
    source_id: str
    source_digest: str
    noise_ratio: float
    noise_ratios: list[float]
    projections: list[float]
    prompt: str
    seed: int
    method: str
    target_similarity: float
    nearest_class: int
    source_similarity: float
    on_target: bool
    duplicate: bool
    _bank: Bank = field(repr=False, compare=False)
    _index: int = field(repr=False, compare=False)

    def image(self) -> Image.Image:
        """Decode the image."""
        return self._bank.image(self._index)

    def values(self) -> dict[str, Any]:
        """Give the columns by name."""
        return {name: getattr(self, name) for name in ROW_COLUMNS}


ROW_COLUMNS = tuple(item.name for item in fields(Row) if not item.name.startswith("_"))
"""Every column of a bank that a `Row` has; they are in banks of any version of the format."""
