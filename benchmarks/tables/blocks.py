"""Blocks of documents that hold a table: written, or compared with what the results give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from genie_transforms import UserError
from genie_transforms.format import atomic_write

from .config import TablesConfig
from .confounded import CONFOUNDED_TABLES
from .results import RESULT_TABLES
from .speed import SPEED_TABLES

Table = Callable[[Path], str]
"""Makes a table in Markdown from the folder of results."""

TABLES: Mapping[str, Table] = {**RESULT_TABLES, **SPEED_TABLES, **CONFOUNDED_TABLES}

_BLOCK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(config: TablesConfig) -> None:
    """Write or check every block.

    Raises:
        UserError: A block has an unknown name; or, with `check`, is not up to date.
    """
    stale = []
    for path in [config.root / "README.md", *sorted((config.root / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        current = rendered(text, config.results)
        if current == text:
            continue
        stale.append(path.relative_to(config.root).as_posix())
        if not config.check:
            atomic_write(path, current.encode())
            print(f"{stale[-1]}: written")
    if config.check and stale:
        raise UserError(
            f"tables of {', '.join(stale)} are not what the results give: run python -m "
            "benchmarks.tables"
        )


def rendered(text: str, results: Path) -> str:
    """Return a document with all of its blocks made anew."""
    return _BLOCK.sub(partial(_block, results), text)


def _block(results: Path, found: re.Match[str]) -> str:
    begin, name, end = found[1], found[2], found[3]
    if name not in TABLES:
        raise UserError(f"there is no table {name!r}; choose among {', '.join(TABLES)}")
    return f"{begin}{TABLES[name](results)}\n{end}"
