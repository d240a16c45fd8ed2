"""The table of few-shot runs that are pooled over splits of the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .few_shot import ARM_TITLES
from .markdown import as_markdown, made_by, number, read

_FILE = "fashion-mnist/few_shot_splits.json"

_SHORT = {"txt2img-x2": "twice as many of Txt2Img", "real-g": "real images"}


def splits(results: Path) -> str:
    """Make the table of all arms, each with its difference to Txt2Img, and of other pairs.

    A difference has its interval over splits, and then that over splits and images.
    """
    content = read(results, _FILE)
    shots = content["settings"]["k_shot"]
    rows = []
    for arm, title in ARM_TITLES.items():
        entries = [e for k in shots for e in content["arms"] if (e["arm"], e["k_shot"]) == (arm, k)]
        if entries:
            rows.append([title, *(_arm(entry, content["baseline"]) for entry in entries)])
    pairs = dict.fromkeys((e["first"], e["second"]) for e in content["comparisons"])
    for pair in pairs:
        of_pair = [e for e in content["comparisons"] if (e["first"], e["second"]) == pair]
        rows.append([" − ".join(map(_short, pair)), *map(_difference, of_pair)])
    table = as_markdown(["", *(f"{k}-shot" for k in shots)], rows)
    return f"{table}\n\n{made_by(content, _FILE)}"


def _short(arm: str) -> str:
    return _SHORT.get(arm, ARM_TITLES[arm])


def _arm(entry: dict[str, Any], baseline: str) -> str:
    mean = number(entry["accuracy"])
    return mean if entry["arm"] == baseline else f"{mean}, {_difference(entry)}"


def _difference(entry: dict[str, Any]) -> str:
    (low, high), images = entry["difference_interval"], entry["difference_interval_images"]
    over_splits = f"{low:+.1f} … {high:+.1f}"
    both = "" if images[0] is None else f"; {images[0]:+.1f} … {images[1]:+.1f}"
    return f"{entry['difference']:+.1f} ({over_splits}{both})"


SPLITS_TABLES: Mapping[str, Callable[[Path], str]] = {"few-shot-splits": splits}
"""By the names that blocks have."""
