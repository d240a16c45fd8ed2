"""What people say of the rows of a bank: which of them training must not use."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms import MissingFileError, UserError
from genie_transforms.format import (
    REJECTED,
    Judgement,
    Manifest,
    judge_names,
    read_bank,
    read_judgements,
    row_keys,
    rows_digest,
)

MOST_ROWS = 100_000
"""Rows of one list: what a list has changed is kept, so that it can be undone."""

_FIELDS = ("reject", "accept")
_KEY_DIGITS = 64
_SHOWN = 10


@dataclass(frozen=True)
class ReviewList:
    """Decisions of a reader.

    Attributes:
        reject: Keys of rows, 32 bytes each (see `genie_transforms.format.row_keys`).
        accept: The same of others.
    """

    reject: frozenset[bytes] = frozenset()
    accept: frozenset[bytes] = frozenset()

    @classmethod
    def read(cls, path: Path) -> ReviewList:
        """Read a list.

        Raises:
            MissingFileError: There is no such file.
            UserError: It is no list, is too long, or both rejects and accepts a row.
        """
        if not path.is_file():
            raise MissingFileError(f"no list at {path}")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found = cls(_keys(content["reject"]), _keys(content["accept"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UserError(f"{path} is no list of report.html ({error!r})") from error
        if found.reject & found.accept:
            raise UserError(f"{path} rejects and accepts the same row")
        if len(found.reject) + len(found.accept) > MOST_ROWS:
            raise UserError(f"{path} has more than {MOST_ROWS} rows: give them in several lists")
        return found

    @property
    def opposite(self) -> ReviewList:
        """What undoes it."""
        return ReviewList(self.accept, self.reject)

    def as_json(self) -> dict[str, list[str]]:
        """Return it as a list's file has it."""
        return {name: sorted(key.hex() for key in getattr(self, name)) for name in _FIELDS}


def reviewed(folder: Path, wanted: ReviewList) -> str:
    """Reject and accept rows of a bank, and say what has changed.

    Args:
        folder: The bank.
        wanted: Which rows.

    Raises:
        BankError: The bank is damaged.
        UserError: None of the rows is one of the bank's.
    """
    manifest = Manifest.read(folder)
    chunked = row_keys(folder, manifest)
    keys = chunked.to_pylist()
    there = wanted.reject & set(keys), wanted.accept & set(keys)
    named = len(wanted.reject) + len(wanted.accept)
    missing = named - len(there[0]) - len(there[1])
    if named and missing == named:
        raise UserError(
            f"the list is of another bank: none of its {named} rows is one of {folder}'s"
        )
    before = _rejected(folder)
    after = (before | there[0]) - there[1]
    changed = ReviewList(frozenset(after - before), frozenset(before - after))
    marks = pa.array([key in after for key in keys], pa.bool_())
    Judgement(
        REJECTED, manifest.class_names, chunked, {REJECTED: pa.chunked_array([marks])},
        {"last": changed.as_json()}, rows_digest(manifest),
    ).write(folder)  # fmt: skip
    gone = f"; {missing} rows of the list are not in the bank any more" if missing else ""
    return f"{len(changed.reject)} rows rejected, {len(changed.accept)} accepted{gone}"


def last_change(folder: Path) -> ReviewList:
    """Return what the last list has changed in a bank; nothing if there was none."""
    if REJECTED not in judge_names(folder):
        return ReviewList()
    last: Any = Judgement.read(folder, REJECTED).about.get("last")
    try:
        return ReviewList(_keys(last["reject"]), _keys(last["accept"]))
    except (ValueError, TypeError, KeyError):
        return ReviewList()


def review_summary(folder: Path) -> str:
    """Say how many rows are rejected, of which classes most, and who has judged the bank."""
    manifest = Manifest.read(folder)
    judgements = {one.name: one for one in read_judgements(folder, manifest)}
    people = judgements.pop(REJECTED, None)
    lines = [f"judges: {', '.join(judgements) or 'none'}"]
    if people is None:
        return "\n".join([f"nobody has rejected a row of {folder}", *lines])
    marks = people.columns[REJECTED].to_pylist()
    labels = [k for table in read_bank(folder, manifest) for k in table.column("label").to_pylist()]
    counts = Counter(label for label, mark in zip(labels, marks, strict=True) if mark)
    most = ", ".join(f"{manifest.class_names[k]} {n}" for k, n in counts.most_common(_SHOWN))
    said = f"{counts.total()} of {len(marks)} rows of {folder} are rejected"
    return "\n".join([f"{said}: {most}" if most else said, *lines])


def _rejected(folder: Path) -> frozenset[bytes]:
    """Return the keys of the rows that are rejected."""
    if REJECTED not in judge_names(folder):
        return frozenset()
    people = Judgement.read(folder, REJECTED)
    return frozenset(people.keys.filter(people.columns[REJECTED]).to_pylist())


def _keys(texts: Any) -> frozenset[bytes]:
    """Read keys.

    Raises:
        ValueError, TypeError: One is none.
    """
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError("keys must be a list of texts")
    if any(len(text) != _KEY_DIGITS for text in texts):
        raise ValueError(f"a key has {_KEY_DIGITS} hexadecimal digits")
    return frozenset(map(bytes.fromhex, texts))
