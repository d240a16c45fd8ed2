"""The tables of what recipes cost and lose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .markdown import as_markdown, made_by, number, read

_FIGURES = {
    "oracle_accuracy": ("oracle, %", 100),
    "background_psnr_db": ("background, dB", 1),
    "few_shot_1": ("1 shot, points", 100),
    "few_shot_5": ("5 shots, points", 100),
}

_TXT2IMG_ROWS = 100
"""Network rows of an image from text in 50 steps, guidance counted."""


def price(file: str, results: Path) -> str:
    """Make the table of rows, and of paired differences to the paper's recipe."""
    content = read(results, file)
    entries = content["recipes"]
    shown = [key for key in _FIGURES if entries[0][key]["mean"] is not None]
    rows = [
        [entry["recipe"], f"{entry['rows_per_pair'] / _TXT2IMG_ROWS:.2f}",
         number(entry["rows_per_true_negative"], ".0f"),
         *(_cell(entry, key) for key in shown)]
        for entry in entries
    ]  # fmt: skip
    head = ["", "rows a pair, Txt2Img of 50 steps = 1", "rows a true negative"]
    table = as_markdown([*head, *(_FIGURES[key][0] for key in shown)], rows)
    return f"{table}\n\n{entries[0]['pairs']:,} pairs. {made_by(content, file)}"


def _cell(entry: dict[str, Any], key: str) -> str:
    """Show the mean of the paper's recipe, and of the others how far they are from it."""
    figure, scale = entry[key], _FIGURES[key][1]
    if entry["recipe"] == "paper":
        return f"{scale * figure['mean']:.1f}"
    low, high = (scale * end for end in figure["difference_interval"])
    return f"{scale * figure['difference']:+.1f} ({low:+.1f} … {high:+.1f})"


PRICE_TABLES: Mapping[str, Callable[[Path], str]] = {
    "price": partial(price, "price.json"),
    "price-fashion-mnist": partial(price, "fashion-mnist/price.json"),
}
"""By the names that blocks have."""
