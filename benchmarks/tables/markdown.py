"""Small pieces that tables are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genie_transforms import UserError


def read(results: Path, name: str) -> dict[str, Any]:
    """Read one of the results."""
    content: dict[str, Any] = json.loads((results / name).read_text(encoding="utf-8"))
    return content


def only(entries: Sequence[dict[str, Any]], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one entry of a list that has these values.

    Raises:
        UserError: There is none, or more than one.
    """
    found = [entry for entry in entries if wanted.items() <= entry.items()]
    if len(found) != 1:
        raise UserError(f"{len(found)} entries of the JSON have {dict(wanted)}, not one")
    return found[0]


def as_markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def made_by(content: dict[str, Any], name: str) -> str:
    """Say which command and machine gave a result, and where it lies."""
    machine = content["machine"]
    cores = f"{machine['cores']} core{'s' if machine['cores'] != 1 else ''}"
    return (
        f"`{content['command'].split(' --json')[0]}`, [`{Path(name).name}`]"
        f"(../benchmarks/results/{name}), {machine['cpu']}, {cores}."
    )


def number(value: float | None, form: str = ".1f") -> str:
    """Format a number; an unknown one is a dash."""
    return "–" if value is None else format(value, form)


def accuracy(entry: dict[str, Any] | None) -> str:
    """Show the accuracy of an arm in %, and half its interval; a dash if it was not run."""
    return f"{number(entry['accuracy'])} ± {number(entry['interval'])}" if entry else "–"


def difference(value: float, interval: Sequence[float]) -> str:
    """Show a difference and its interval, in points."""
    low, high = interval
    return f"{value:+.1f} ({low:+.1f} … {high:+.1f})"


def three_digits(value: float) -> str:
    """Format a number with about three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
