"""Rows that were measured before: stopped, the same command continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genie_transforms.format import write_json

Row = dict[str, Any]


class Finished:
    """Measured rows in a file, found by what was measured.

    Args:
        work: Folder that keeps them; nothing is kept if not given.
    """

    def __init__(self, work: Path | None) -> None:
        self._path = work / "rows.json" if work else None
        self._rows: dict[str, Row] = {}
        if self._path is not None and self._path.exists():
            self._rows = json.loads(self._path.read_text(encoding="utf-8"))

    def get(self, what: Row) -> Row | None:
        """Return the row of what was measured; None if it was not."""
        return self._rows.get(_key(what))

    def put(self, what: Row, row: Row) -> None:
        """Keep a row."""
        self._rows[_key(what)] = row
        if self._path is not None:
            write_json(self._path, self._rows)


def _key(what: Row) -> str:
    return json.dumps(what, sort_keys=True)
