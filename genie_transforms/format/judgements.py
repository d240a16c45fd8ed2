"""Columns that came to a finished bank: what judges say of its rows, and which people rejected.

`judgements/NAME.arrow` is an Arrow stream in the order of the bank's rows, joined when the bank is
opened: no shard is written again. It states which shards it is of, and fits no others; `carried.py`
finds its rows again in a bank that has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genie_transforms._errors import BankFormatError, UserError

from .manifest import JUDGEMENTS, Manifest
from .schema import REJECTED, arrow_schema
from .shards import read_shard, write_shard
from .temporary import is_temporary
from .untrusted import bank_file

NONE_OF_THEM = -1
"""Stands for the class of an image that a judge takes for none of the bank's classes."""

KEY = pa.binary(32)
"""Of a row; see `row_keys`."""

_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_VERDICTS = {
    "class": pa.int32(), "target_probability": pa.float32(), "source_probability": pa.float32()
}  # fmt: skip
_REVIEW = {REJECTED: pa.bool_()}
_MAX_ABOUT_BYTES = 2**25


@dataclass(frozen=True, eq=False)
class Judgement:
    """One file of `judgements/`.

    Attributes:
        name: Of the judge, or "rejected" for what people say.
        class_names: Names of the bank's classes; class numbers are positions in it.
        keys: Of each row, ``(N,)`` 32 bytes; see `row_keys`.
        columns: Of a judge: `class` int32 (`NONE_OF_THEM` for none of the bank's),
            `target_probability` and `source_probability` float32 in [0, 1]; null where it has not
            seen the row. Of people: `rejected` bool.
        about: Who judged, ready for JSON: verdicts of different judges are never mixed.
        rows: The `rows_digest` of the bank that it was read from, or will be written into.
    """

    name: str
    class_names: list[str]
    keys: pa.ChunkedArray
    columns: dict[str, pa.ChunkedArray]
    about: dict[str, Any] = field(default_factory=dict)
    rows: str = ""

    @property
    def joined(self) -> dict[str, pa.ChunkedArray]:
        """The columns by their names in the bank, `NAME_class` and so on, or `rejected`."""
        if self.name == REJECTED:
            return self.columns
        return {f"{self.name}_{column}": values for column, values in self.columns.items()}

    def fits(self, manifest: Manifest) -> bool:
        """Tell whether its rows are those of a bank, in their order and with their classes."""
        mine = self.rows, self.class_names, len(self.keys)
        return mine == (rows_digest(manifest), manifest.class_names, manifest.num_rows)

    def write(self, folder: Path) -> None:
        """Write the file into its bank, atomically; the same judgement gives the same bytes.

        Raises:
            UserError: No judge may have this name.
        """
        check_judge_name(self.name)
        said = {"about": self.about, "class_names": self.class_names, "rows": self.rows}
        kinds = _kinds(self.name)
        schema = pa.schema(
            [("key", KEY), *kinds.items()], metadata={"genie": json.dumps(said, sort_keys=True)}
        )
        columns = [self.keys, *(self.columns[column] for column in kinds)]
        table = pa.Table.from_arrays(columns, schema=schema).combine_chunks()
        (folder / JUDGEMENTS).mkdir(exist_ok=True)
        write_shard(judgement_path(folder, self.name), table)

    @classmethod
    def read(cls, folder: Path, name: str) -> Judgement:
        """Map the file of a judge, which anybody may have made.

        Raises:
            BankFormatError: It is missing or damaged, or says what no judge can have said.
        """
        # By the bank and not by its own folder, which could be a link to any other.
        path = bank_file(folder, judgement_path(folder, name).relative_to(folder).as_posix())
        table = read_shard(path)
        try:
            if [(f.name, f.type) for f in table.schema] != [("key", KEY), *_kinds(name).items()]:
                raise ValueError("it has other columns than a judgement")
            said = _said_in(table.schema)
            columns = {column: table.column(column) for column in _kinds(name)}
            if table.column("key").null_count:
                raise ValueError("a row has no key")
            _check_columns(columns, len(said["class_names"]))
        except (ValueError, TypeError, KeyError, RecursionError, pa.ArrowException) as error:
            raise BankFormatError(
                f"{path} is damaged ({error}): judge the bank again, or remove the file"
            ) from error
        return cls(name, keys=table.column("key"), columns=columns, **said)


def check_judge_name(name: str) -> None:
    """Refuse a name whose columns a filter could not name, or that a bank has already.

    Raises:
        UserError: It is one.
    """
    if _NAME.fullmatch(name) is None:
        raise UserError(
            f"the name of a judge must be a lower-case letter and up to 39 more letters, digits "
            f"and underscores, got {name[:50]!r}"
        )
    taken = set(arrow_schema([], keep_sweep=True).names) & {f"{name}_{kind}" for kind in _VERDICTS}
    if taken:
        raise UserError(f"no judge can be called {name!r}: every bank has a column {min(taken)}")


def judgement_path(folder: Path, name: str) -> Path:
    """Return where the file of a judge lies in a bank: `judgements/NAME.arrow`."""
    return folder / JUDGEMENTS / f"{name}.arrow"


def judge_names(folder: Path) -> list[str]:
    """List the judgements that lie in a bank by their names, sorted.

    Raises:
        BankFormatError: One has a name that no judge may have.
    """
    try:
        paths = sorted((folder / JUDGEMENTS).glob("*.arrow"))
    except OSError as error:
        raise BankFormatError(f"{folder / JUDGEMENTS} cannot be read: {error}") from error
    names = [path.stem for path in paths if not is_temporary(path)]
    for name in names:
        try:
            check_judge_name(name)
        except UserError as error:
            raise BankFormatError(f"{folder / JUDGEMENTS}: {error}; remove the file") from error
    return names


def read_judgements(folder: Path, manifest: Manifest) -> list[Judgement]:
    """Map all judgements of a bank, each of which must be of its very rows.

    None is left out silently: without a rejection that does not fit, rejected rows would be back.

    Raises:
        BankFormatError: One is damaged, or of other rows or classes; names it.
    """
    judgements = [Judgement.read(folder, name) for name in judge_names(folder)]
    for judgement in judgements:
        if not judgement.fits(manifest):
            raise BankFormatError(
                f"{judgement_path(folder, judgement.name)} is of other rows than the bank has: run "
                f"`python -m index.curate {folder}`, which finds its rows by their content, or "
                f"remove the file"
            )
    return judgements


def rows_digest(manifest: Manifest) -> str:
    """Return what tells the rows of a bank from all others: SHA-256 over those of its shards."""
    shards = " ".join(f"{shard['rows']}:{shard['sha256']}" for shard in manifest.shards)
    return hashlib.sha256(shards.encode()).hexdigest()


def _kinds(name: str) -> dict[str, pa.DataType]:
    return _REVIEW if name == REJECTED else _VERDICTS


def _check_columns(columns: dict[str, pa.ChunkedArray], num_classes: int) -> None:
    """Refuse values that no judge can have given.

    Raises:
        ValueError: There are some.
    """
    for name, values in columns.items():
        if name == REJECTED:
            if values.null_count:
                raise ValueError("a row is neither rejected nor accepted")
            continue
        low, high = pc.min_max(values).as_py().values()
        least, most = (NONE_OF_THEM, num_classes - 1) if name == "class" else (0, 1)
        # Arrow leaves NaN out of the bounds.
        has_nan = pc.any(pc.is_nan(values)).as_py() is True
        if has_nan or (low is not None and not least <= low <= high <= most):
            raise ValueError(f"a {name} is not from {least} to {most}")


def _said_in(schema: pa.Schema) -> dict[str, Any]:
    """Read what a file says of itself.

    Raises:
        ValueError, TypeError, KeyError, RecursionError: It says nothing of the kind.
    """
    text = (schema.metadata or {}).get(b"genie", b"")
    if len(text) > _MAX_ABOUT_BYTES:
        raise ValueError("it says too much of itself")
    said = json.loads(text)
    kinds = {"about": dict, "class_names": list, "rows": str}
    said = {key: said[key] for key in kinds}
    if not all(isinstance(said[key], kind) for key, kind in kinds.items()):
        raise ValueError("it does not say who judged what")
    if not all(isinstance(name, str) for name in said["class_names"]):
        raise ValueError("its class names must be texts")
    return said
