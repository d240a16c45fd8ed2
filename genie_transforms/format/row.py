"""One hard negative of a bank: its columns as Python values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from PIL import Image


@dataclass(frozen=True)
class Row:
    """One hard negative; the columns are described in `schema.py`.

    It holds two callables instead of its bank, so that reading a row decodes nothing. The last
    columns are None in banks of earlier versions.

    Attributes:
        image: Decodes the image, RGB.
        image_bytes: Reads the image as it is stored, encoded.
        judgements: `rejected`, and the columns of each judge, by name; see `judgements.py`.
    """

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
    image: Callable[[], Image.Image] = field(repr=False, compare=False)
    image_bytes: Callable[[], bytes] = field(repr=False, compare=False)
    margin: float | None = None
    near_duplicate: bool | None = None
    blank: bool | None = None
    stale: bool | None = None
    judgements: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def values(self) -> dict[str, Any]:
        """Return the columns by name."""
        return {name: getattr(self, name) for name in ROW_COLUMNS}


ROW_COLUMNS = tuple(column.name for column in fields(Row) if column.compare)
"""The columns that a `Row` has as values: all but the images and what came later."""
