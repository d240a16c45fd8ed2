"""Blocks of documents that hold a table: written, or compared with what the results give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from genie_transforms import UserError
from genie_transforms.format import atomic_write

from .choosing import CHOOSING_TABLES
from .config import TablesConfig
from .confounded import CONFOUNDED_TABLES
from .earlier import missing_words
from .few_shot import FEW_SHOT_TABLES
from .long_tail import LONG_TAIL_TABLES
from .price import PRICE_TABLES
from .prose import complaints
from .results import RESULT_TABLES
from .scale import SCALE_TABLES
from .speed import SPEED_TABLES
from .splits import SPLITS_TABLES

Table = Callable[[Path], str]
"""Makes a table in Markdown from the folder of results."""

TABLES: Mapping[str, Table] = {
    **FEW_SHOT_TABLES,
    **SPLITS_TABLES,
    **RESULT_TABLES,
    **SPEED_TABLES,
    **CONFOUNDED_TABLES,
    **LONG_TAIL_TABLES,
    **CHOOSING_TABLES,
    **SCALE_TABLES,
    **PRICE_TABLES,
}

_BLOCK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(config: TablesConfig) -> None:
    """Write or check every block, and say which figures of the prose are not those of the results.

    Raises:
        UserError: A block has an unknown name; with `check`, a block is not up to date; a figure of
            the prose is not what its result gives; or a document does not say that its results are
            of earlier weights of the demo.
    """
    stale, wrong = [], 0
    for path in [config.root / "README.md", *sorted((config.root / "docs").glob("*.md"))]:
        text, name = path.read_text(encoding="utf-8"), path.relative_to(config.root).as_posix()
        current = rendered(text, config.results)
        if current != text:
            stale.append(name)
            if not config.check:
                atomic_write(path, current.encode())
                print(f"{name}: written")
        for complaint in complaints(current, config.results):
            wrong += 1
            print(f"{name}:{complaint.line}: {complaint.what}")
        if missing := missing_words(current, config.results):
            wrong += 1
            print(f"{name}: {missing}")
    if config.check and stale:
        raise UserError(
            f"tables of {', '.join(stale)} are not what the results give: run python -m "
            "benchmarks.tables"
        )
    if wrong:
        raise UserError(f"{wrong} places of the prose are not what the results give: see above")


def rendered(text: str, results: Path) -> str:
    """Return a document with all of its blocks made anew."""
    return _BLOCK.sub(partial(_block, results), text)


def _block(results: Path, found: re.Match[str]) -> str:
    begin, name, end = found[1], found[2], found[3]
    if name not in TABLES:
        raise UserError(f"there is no table {name!r}; choose among {', '.join(TABLES)}")
    return f"{begin}{TABLES[name](results)}\n{end}"
