"""The fine-grained table, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.few_shot import BASELINE, cell

PAPER = {
    "txt2img": (92.0, 81.3, 93.0, 41.7),
    "genie-0.5": (92.0, 84.6, 91.5, 39.8),
    "genie-0.7": (92.5, 87.9, 92.9, 47.0),
    "genie": (92.5, 87.7, 93.1, 46.5),
    "genie-ada": (92.6, 87.9, 93.1, 47.0),
}
"""Accuracy in % on CUB200, Cars196, Food101 and aircraft (paper, table 2)."""


_PAPER_SETS = ("cub200", "cars196", "food101", "aircraft")


def table(entries: Sequence[dict[str, Any]], dataset: str, n_way: int, k_shot: int) -> str:
    """Lay out the arms in Markdown, beside the paper's figures."""
    lines = [
        f"| {dataset}, {n_way}-way {k_shot}-shot | accuracy, % "
        f"| to {BASELINE}, paired | r | paper |",
        "|---|---|---|---|---|",
    ]
    place = _PAPER_SETS.index(dataset) if dataset in _PAPER_SETS else None
    for entry in entries:
        known = PAPER.get(entry["arm"])
        low, high = entry["difference_interval"]
        cells = [
            entry["arm"] + (f" ({len(entry['failed'])} failed)" if entry["failed"] else ""),
            f"{cell(entry['accuracy'])} ± {cell(entry['interval'])}",
            f"{cell(entry['difference'], '+.1f')} ({cell(low, '+.1f')} … {cell(high, '+.1f')})",
            cell(entry.get("noise_ratio"), ".2f"),
            cell(known[place] if known and place is not None else None),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
