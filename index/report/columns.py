"""The rows of a bank as the report reads them: columns as arrays, whatever a bank lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genie_transforms.format import REJECTED, Manifest, read_judgements, read_shard

FLAGS = ("on_target", "duplicate", "near_duplicate", "blank", "stale", REJECTED)
"""The columns that mark rows, true or false; null where it was not measured."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """All rows of a bank, mapped.

    Attributes:
        table: The rows, in the order of the shards.
        manifest: What the bank says of itself.
        judges: Names of those whose columns `NAME_class` and so on the table has.
    """

    table: pa.Table
    manifest: Manifest
    judges: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Columns:
        """Map the shards of a bank, and what judges and people say of its rows.

        Raises:
            BankError: There is none, or it is damaged.
        """
        manifest = Manifest.read(folder)
        shards = [read_shard(folder / shard["name"]) for shard in manifest.shards]
        table, judgements = pa.concat_tables(shards), read_judgements(folder, manifest)
        for judgement in judgements:
            for name, values in judgement.joined.items():
                table = table.append_column(name, values)
        judges = [one.name for one in judgements if one.name != REJECTED]
        return cls(table, manifest, tuple(judges))

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.num_rows)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column, ``(N,)``; NaN where the bank has no value."""
        if name not in self.table.column_names:
            return np.full(len(self), np.nan)
        values = self.table[name].to_numpy().astype(np.float64)
        # A float32 0.7 is not the 0.7 of the grid.
        return np.asarray(np.round(values, 4))

    def labels(self, name: str) -> npt.NDArray[np.int64]:
        """Return a column of class numbers, ``(N,)``; -1 where the bank has none."""
        return np.asarray(np.nan_to_num(self.numbers(name), nan=-1).astype(np.int64))

    def is_true(self, name: str) -> Mask:
        """Return where a mark is true, ``(N,)``; not where it is null or missing."""
        return self._equals(name, True)

    def is_false(self, name: str) -> Mask:
        """Return where a mark is false, ``(N,)``; not where it is null or missing."""
        return self._equals(name, False)

    def values(self, row: int) -> dict[str, Any]:
        """Return the columns of one row as Python values, encoded images among them."""
        values: dict[str, Any] = self.table.slice(row, 1).to_pylist()[0]
        return values

    def class_name(self, label: int) -> str:
        """Return the name of a class; a number that none has stays one."""
        names = self.manifest.class_names
        return names[label] if 0 <= label < len(names) else f"class {label}"

    def _equals(self, name: str, value: bool) -> Mask:
        if name not in self.table.column_names:
            return np.zeros(len(self), dtype=np.bool_)
        cells = self.table[name].to_pylist()
        return np.fromiter((cell is value for cell in cells), np.bool_, len(cells))
