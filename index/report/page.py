"""The report of a bank, `report.html`: one file that any browser shows, without a server."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import jinja2

from genie_transforms import UserError
from genie_transforms.format import DEFAULT_KEEP, MANIFEST, atomic_write, rows_digest
from index.config import BuildConfig
from index.settings_file import flags_of_file

from .choice import GROUPS, review_groups, shown_rows
from .columns import Columns
from .counts import clauses, cost, histogram, matrix, shown_classes
from .gallery import Card, SourceImage, make_card, source_thumbnails

REPORT = "report.html"

MOST_BYTES = 8_000_000
"""Of a report: it is mailed, and opened on a phone."""

VERDICTS = {
    "target": "sees the target", "source": "sees the source's class",
    "another": "sees another class", "none": "sees none of the classes",
    "unknown": "has not judged",
}  # fmt: skip
"""What a judge can say of a row, in words."""

_MOST_FLAGS = 20_000
"""Characters of a command: systems take no more, and nobody reads them."""

_LONG = 300
"""Characters of a setting's value that are shown."""


def write_report(
    folder: Path, out: Path | None = None, source_image: SourceImage | None = None
) -> Path:
    """Write the report of a finished bank.

    Args:
        folder: The bank.
        out: The file; `report.html` in the bank if not given.
        source_image: Finds source images, which a bank does not hold; none are shown without it.

    Returns:
        The file.

    Raises:
        BankError: There is no bank, or it is damaged.
    """
    path = folder / REPORT if out is None else out
    atomic_write(path, render(folder, source_image).encode())
    return path


def render(
    folder: Path, source_image: SourceImage | None = None, most_bytes: int = MOST_BYTES
) -> str:
    """Return the report of a bank as HTML, of at most `most_bytes` bytes; see `write_report`."""
    columns = Columns.read(folder)
    facts = _facts(folder, columns)
    empty = len(_page(facts, [], 0).encode())
    cards = _cards(columns, source_image, most_bytes - empty)
    page = _page(facts, cards, len(columns))
    # What stands around an image, names above all, is known only from the page itself.
    while len(page.encode()) > most_bytes and cards:
        cards = cards[: len(cards) * 3 // 4]
        page = _page(facts, cards, len(columns))
    return page


def _cards(columns: Columns, source_image: SourceImage | None, most_bytes: int) -> list[Card]:
    """Return as many rows as there is room for, those to review first."""
    groups = review_groups(columns)
    first = [row for rows in groups.values() for row in rows]
    source = source_thumbnails(source_image)
    cards: list[Card] = []
    for row in shown_rows(columns, first):
        names = [name for name, rows in groups.items() if row in rows]
        card = make_card(columns, row, names, source)
        most_bytes -= card.num_bytes
        if most_bytes < 0:
            break
        cards.append(card)
    return cards


def _page(facts: dict[str, Any], cards: list[Card], total: int) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("index.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    choices = {
        "targets": sorted({card.target for card in cards}),
        "sources": sorted({card.source for card in cards}),
        "ratios": sorted({card.noise_ratio for card in cards}),
        "marks": sorted({mark for card in cards for mark in card.marks}),
        "verdicts": sorted({(one.judge, one.kind) for card in cards for one in card.verdicts}),
        "groups": {
            name: text for name, text in GROUPS.items() if any(name in c.groups for c in cards)
        },
    }
    template = environment.get_template("report.html.jinja")
    return template.render(**facts, cards=cards, total=total, choices=choices, verdicts=VERDICTS)


def _facts(folder: Path, columns: Columns) -> dict[str, Any]:
    """Return what the page says, but for the rows that it shows."""
    manifest, classes = columns.manifest, shown_classes(columns)
    return {
        "name": folder.absolute().name,
        "rows_digest": rows_digest(manifest),
        "manifest": manifest,
        "recipe": [(key, _short(value)) for key, value in sorted(manifest.recipe.items())],
        "default_keep": DEFAULT_KEEP,
        "cost": cost(folder, columns),
        "clauses": clauses(columns),
        "classes": [columns.class_name(label) for label in classes],
        "histogram": histogram(columns, classes),
        "matrix": matrix(columns, classes),
        "command": rebuild_command(folder),
    }


def rebuild_command(folder: Path) -> str | None:
    """Return the command that builds a bank again from its recipe; None if no build made it."""
    try:
        flags = flags_of_file(folder / MANIFEST, BuildConfig)
    except UserError:
        return None  # merged and imported banks have other recipes
    if not flags:
        return None
    command = shlex.join(["python", "-m", "index.build", "--out", "NEW-FOLDER", *flags])
    return command if len(command) <= _MOST_FLAGS else None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]} … ({len(text)} characters)"
