"""Tables that users write: JSON or CSV, read so that no line is lost and every mistake is named."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from genie_transforms import UserError


def read_mapping(path: Path, key: str, values: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read what a table says about each key.

    Args:
        path: A .json file, `{"n01": "tench"}`, or, where there are several values, also
            `{"n01": {"name": "tench", "superclass": "fish"}}`; or a .csv file whose first row
            names its columns.
        key: What each entry is about, such as "folder"; its column in a .csv file.
        values: Names of what is said about it, such as "name" and "superclass". A .csv file
            needs the column of the first; others may be missing.

    Returns:
        The values of each key, in the order of the file; "" where one is not given.

    Raises:
        UserError: The file is of another kind or shape, or has a key twice.
    """
    readers = {".json": _json_entries, ".csv": _csv_entries}
    if path.suffix not in readers:
        raise UserError(f"{path}: give a .json or .csv file that maps each {key} to a {values[0]}")
    table: dict[str, dict[str, str]] = {}
    for name, entry in readers[path.suffix](path, key, values):
        if name in table:
            raise UserError(f"{path} names the {key} {name!r} twice")
        table[name] = entry
    return table


def read_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    """Read the rows of a CSV file, without empty ones.

    Args:
        path: The file.
        delimiter: What stands between its columns.

    Raises:
        UserError: The file is not CSV.
    """
    text = io.StringIO(read_text(path), newline="")
    try:
        return [row for row in csv.reader(text, delimiter=delimiter) if row]
    except csv.Error as error:
        raise UserError(f"{path} is not CSV: {error}") from error


def read_text(path: Path) -> str:
    """Read a file that a user wrote.

    Raises:
        UserError: It is not UTF-8.
    """
    try:  # spreadsheets write a byte order mark, which would become part of the first name
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: {error}") from error


def _json_entries(
    path: Path, key: str, values: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    try:  # as pairs, for a dict would swallow a key that is there twice
        pairs = json.loads(read_text(path), object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    first, *others = values
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        match pair:
            case (str(name), str(value)):
                yield name, {first: value, **dict.fromkeys(others, "")}
            case (str(name), list(fields)) if others and all(
                isinstance(field, tuple) for field in fields
            ):
                given = {field: str(value) for field, value in fields if value is not None}
                if given and not given.keys() & set(values):
                    raise UserError(f"{path}: {name!r} has {[*given]}, but none of {[*values]}")
                yield name, {field: given.get(field, "") for field in values}
            case _:
                expected = f'{{"{key}": "{first}", …}}'
                raise UserError(f"{path}: expected {expected}, found {pair!r}")


def _csv_entries(
    path: Path, key: str, values: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    header, *rows = read_csv(path) or [[]]
    if not {key, values[0]} <= set(header):
        raise UserError(f"{path} needs the columns {key} and {values[0]}, has {header}")
    for row in rows:
        if any(row[len(header) :]):
            raise UserError(
                f"{path}: {','.join(row)!r} has {len(row)} cells for the columns {header}: put a "
                'text with commas in quotes ("…")'
            )
        cells = dict(zip(header, row, strict=False))  # a short row has nothing in its last columns
        yield cells.get(key, ""), {value: cells.get(value, "") for value in values}
