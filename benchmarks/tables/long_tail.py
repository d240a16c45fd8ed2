"""Tables of the long tail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .markdown import as_markdown, made_by, number, read

_FILE = "long_tail.json"
_CLOSED_WORLD = "long_tail_closed_world.json"
_UNAWARE = "long_tail_unaware.json"
_CROSS_ENTROPY = "long_tail_cross_entropy.json"
_BALANCED_BCE = "long_tail_balanced_bce.json"

_GROUPS = ("few", "medium", "many", "all")


def arms(results: Path, file: str = _FILE) -> str:
    """Make the table of all arms: means over the seeds of each, which need not be the same."""
    content = read(results, file)
    shares = content["share_of_real"]
    rows = []
    for name, seeds in Counter(entry["arm"] for entry in content["arms"]).items():
        means = content["means"][name]
        spread = content["deviations"][name]["few"]
        groups = [f"{100 * means[key]:.1f}" for key in _GROUPS]
        if spread is not None:  # of one seed there is none
            groups[0] += f" ± {100 * spread:.1f}"
        about = [content["oracle"].get(name)]
        if shares:  # none without the arm of real images
            about.append(shares.get(name))
        rows.append(
            [f"`{name}`", str(seeds), *groups, f"{100 * means['ece']:.1f}",
             *(_percent(value) for value in about)]
        )  # fmt: skip
    head = ["arm", "seeds", "Few", "Medium", "Many", "all", "calibration error", "on target"]
    table = as_markdown(head + ["share of the gap"] * bool(shares), rows)
    return f"{table}\n\n{_made_by(content, file)}"


def _made_by(content: dict[str, Any], file: str) -> str:
    """Name the commands that trained something: those of pooled files, and its own if it did."""
    pooled = content.get("pooled", [])
    own = set(content["settings"]["seeds"]) - {seed for run in pooled for seed in run["seeds"]}
    runs = pooled + [content] * bool(own)
    return " ".join(made_by({**content, **_origin(run)}, file) for run in runs)


def _origin(run: dict[str, Any]) -> dict[str, Any]:
    return {"command": run["command"], "machine": run["machine"]}


def comparisons(results: Path, file: str = _FILE) -> str:
    """Make the table of what was compared on Few, as was fixed before."""
    content = read(results, file)
    rows = [
        [f"{name}: `{entry['first']}` − `{entry['second']}`", _points(entry, "interval"),
         _ends(entry["interval_images"]), f"{entry['p_holm']:.2g}"]
        for name, entry in content["comparisons"].items()
    ]  # fmt: skip
    return as_markdown(
        ["on Few, points", "95 % over seeds", "over seeds and test images", "p, Holm"], rows
    )


def secondary(results: Path, file: str = _FILE) -> str:
    """Make the table of what was compared besides, paired by seed."""
    entries = read(results, file)["secondary"]
    rows = [
        [" − ".join(f"`{arm}`" for arm in name.split(" - ")), str(by_group["few"]["seeds"]),
         *(_points(by_group[key], "interval") for key in ("few", "all"))]
        for name, by_group in entries.items()
    ]  # fmt: skip
    return as_markdown(["points", "seeds", "Few", "all"], rows)


def _percent(share: float | None) -> str:
    return number(None if share is None else 100 * share, ".0f")


def _points(entry: dict[str, Any], interval: str) -> str:
    return f"{100 * entry['difference']:+.1f} ({_ends(entry[interval])})"


def _ends(interval: list[float | None]) -> str:
    ends = [f"{100 * value:+.1f}" for value in interval if value is not None]
    return " … ".join(ends) or "–"  # of one seed there is none


LONG_TAIL_TABLES: Mapping[str, Callable[[Path], str]] = {
    "long-tail": arms,
    "long-tail-comparisons": comparisons,
    "long-tail-secondary": secondary,
    "closed-world": partial(arms, file=_CLOSED_WORLD),
    "closed-world-comparisons": partial(comparisons, file=_CLOSED_WORLD),
    "closed-world-secondary": partial(secondary, file=_CLOSED_WORLD),
    "cross-entropy": partial(arms, file=_CROSS_ENTROPY),
    "cross-entropy-comparisons": partial(comparisons, file=_CROSS_ENTROPY),
    "balanced-bce": partial(arms, file=_BALANCED_BCE),
    "balanced-bce-comparisons": partial(comparisons, file=_BALANCED_BCE),
    "unaware": partial(arms, file=_UNAWARE),
    "unaware-comparisons": partial(comparisons, file=_UNAWARE),
    "unaware-secondary": partial(secondary, file=_UNAWARE),
}
