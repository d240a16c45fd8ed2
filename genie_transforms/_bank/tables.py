"""The Arrow files of a bank, memory-mapped: columns as arrays, image bytes by row."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genie_transforms._errors import BankFormatError
from genie_transforms.format import (
    CLASS_COLUMNS,
    REJECTED,
    Manifest,
    read_bank,
    read_judgements,
)

from .digests import digest_keys, offsets_of
from .lookup import RowNumbers


class ShardTable:
    """All shards of a bank as one table; nothing is read before it is asked for.

    Rows are counted on disk here, whatever the filter.

    Attributes:
        arrow: The rows of all shards, mapped, with the columns of judges and people.
        judged: Names of these columns.
        class_columns: Names of all columns that hold positions in the class names.

    Args:
        folder: The bank.
        manifest: What it says of itself.

    Raises:
        BankFormatError: There is no shard, or one is missing, damaged, or has other rows than the
            manifest says; or a judgement is of other rows, or has a name that a column has.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        tables = list(read_bank(folder, manifest))
        if not tables:
            raise BankFormatError(f"the bank {folder} has no shards: rebuild it")
        self._folder = folder
        try:
            self.arrow = pa.concat_tables(tables)
        except pa.ArrowException as error:
            raise BankFormatError(
                f"the shards of {folder} have different columns: rebuild the bank"
            ) from error
        self.judged: list[str] = []
        self._join(folder, manifest)
        self.class_columns = (*CLASS_COLUMNS, *(n for n in self.judged if n.endswith("_class")))
        self._starts: list[int] = []
        self._blobs: list[tuple[npt.NDArray[np.int32], memoryview]] = []
        self._index_images()
        # `arrow.column(name)` makes a new object of all chunks, at each call.
        self._columns = dict(zip(self.arrow.column_names, self.arrow.columns, strict=True))

    def _join(self, folder: Path, manifest: Manifest) -> None:
        """Add the columns that judges and people gave; nobody has rejected a row without them."""
        nobody = {REJECTED: pa.array(np.zeros(self.arrow.num_rows, dtype=np.bool_))}
        given = [judgement.joined for judgement in read_judgements(folder, manifest)]
        for columns in given if any(REJECTED in one for one in given) else [*given, nobody]:
            for name, values in columns.items():
                if name in self.arrow.column_names:
                    raise BankFormatError(
                        f"the shards of {folder} have a column {name}, which is a judge's: judge "
                        f"the bank under another --name, or rebuild it"
                    )
                self.arrow = self.arrow.append_column(name, values)
                self.judged.append(name)

    def _index_images(self) -> None:
        """Keep offsets and bytes of each chunk: reading a blob by them costs about 1 µs."""
        start = 0
        for chunk in self.arrow.column("image").chunks:
            images = chunk.field("bytes")  # honours no offset of the parent: add it below
            if not len(images):  # and there may be no buffers
                continue
            _, offsets, data = images.buffers()
            self._starts.append(start)
            self._blobs.append(
                (
                    offsets_of(offsets, images.offset, len(images)),
                    memoryview(b"" if data is None else data),  # no row may have an image
                )
            )
            start += len(images)

    @property
    def flat_columns(self) -> list[str]:
        """Names of the columns that a filter may use: one number, boolean or string a row."""
        return [field.name for field in self.arrow.schema if not pa.types.is_nested(field.type)]

    def image_bytes(self, row: int) -> memoryview:
        """Return the encoded image of a row, without a copy."""
        chunk = bisect_right(self._starts, row) - 1
        offsets, data = self._blobs[chunk]
        local = row - self._starts[chunk]
        return data[int(offsets[local]) : int(offsets[local + 1])]

    def sweep(self, row: int) -> list[memoryview] | None:
        """Read the encoded images of a row's sweep; None if they were not kept.

        Merged from banks of which only some kept their sweeps, a bank has rows without.
        """
        if "sweep" not in self._columns:
            return None
        cells = self._columns["sweep"][row].as_py()
        if cells is None:
            return None
        return [memoryview((cell or {}).get("bytes") or b"") for cell in cells]

    def row(self, row: int, names: Sequence[str]) -> dict[str, Any]:
        """Read some columns of one row as Python values."""
        return {name: self._columns[name][row].as_py() for name in names}

    def column(self, name: str, rows: RowNumbers | None = None) -> npt.NDArray[Any]:
        """Read a column of numbers, booleans or strings, ``(N,)``, of some rows or of all."""
        column = self.arrow.column(name)
        if rows is None or not column.null_count:
            values = np.asarray(column.to_numpy())
            return values if rows is None else values[rows]
        # NumPy has no null in whole numbers: rows that were left out must not make them floats.
        return np.asarray(column.take(pa.array(rows)).to_numpy())

    def digests(self) -> npt.NDArray[np.uint64]:
        """Read `source_digest` as ``(N, 2)`` uint64: half the bytes of the text, and sortable.

        Raises:
            BankFormatError: A digest does not have 32 hexadecimal digits.
        """
        try:
            return digest_keys(self.arrow.column("source_digest"))
        except BankFormatError as error:
            raise BankFormatError(
                f"the column source_digest of {self._folder} is damaged: {error}"
            ) from error

    def projections(self) -> npt.NDArray[np.float32]:
        """Read the projection of each row at its own noise ratio, ``(N,)``; NaN where none is."""
        chosen = self.column("noise_ratio").astype(np.float64)
        # Lists of any length, even none, in a row: no rectangular array holds them.
        ratios, projections = (
            self._columns[name].combine_chunks() for name in ("noise_ratios", "projections")
        )
        lengths, others = map(_lengths, (ratios, projections))
        rows = np.flatnonzero((lengths > 0) & (others > 0))
        result = np.full(len(chosen), np.nan, dtype=np.float32)
        grid, values = (lists.take(pa.array(rows)).flatten() for lists in (ratios, projections))
        if grid.null_count or values.null_count or (lengths[rows] != others[rows]).any():
            wrong = next(row for row in rows.tolist() if _is_uneven(ratios[row], projections[row]))
            raise BankFormatError(
                f"row {wrong} of {self._folder} does not have one projection for each noise "
                f"ratio: rebuild the bank"
            )
        if len(rows):
            places = _nearest(np.asarray(grid), chosen[rows], lengths[rows])
            result[rows] = np.asarray(values)[places]
        return result


def _lengths(lists: pa.ListArray) -> RowNumbers:
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)


def _is_uneven(ratios: pa.ListScalar, projections: pa.ListScalar) -> bool:
    grid, values = ratios.as_py(), projections.as_py()
    return len(grid) != len(values) or None in grid or None in values


def _nearest(
    grids: npt.NDArray[Any], chosen: npt.NDArray[np.float64], lengths: RowNumbers
) -> RowNumbers:
    """Find the place of the value nearest to `chosen` in each of many grids, one after another."""
    # The nearest: floats are not looked up by equality.
    distances = np.abs(grids - np.repeat(chosen, lengths))
    distances[np.isnan(distances)] = np.inf
    starts = np.cumsum(lengths) - lengths
    least = np.repeat(np.minimum.reduceat(distances, starts), lengths)
    found = np.flatnonzero(distances == least)
    owners = np.repeat(np.arange(len(lengths)), lengths)[found]
    # The first of each, if there are several.
    return found[np.unique(owners, return_index=True)[1]]
