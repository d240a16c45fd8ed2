"""Tables of the long tail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .markdown import as_markdown, made_by, number, read

_FILE = "long_tail.json"

_GROUPS = ("few", "medium", "many", "all")


def arms(results: Path) -> str:
    """Make the table of all arms."""
    content = read(results, _FILE)
    shares = content["share_of_real"]
    rows = []
    for name in dict.fromkeys(entry["arm"] for entry in content["arms"]):  # as they were run
        means = content["means"][name]
        spread = content["deviations"][name]["few"]
        groups = [f"{100 * means[key]:.1f}" for key in _GROUPS]
        groups[0] += f" ± {100 * spread:.1f}"
        about = [content["oracle"].get(name), shares.get(name)]
        rows.append(
            [f"`{name}`", *groups, f"{100 * means['ece']:.1f}", *(_percent(v) for v in about)]
        )
    head = ["arm", "Few", "Medium", "Many", "all", "calibration error", "on target"]
    table = as_markdown([*head, "share of the gap"], rows)
    return f"{table}\n\n{_made_by(content)}"


def _made_by(content: dict[str, Any]) -> str:
    """Name the commands that trained something: those of pooled files, and its own if it did."""
    pooled = content.get("pooled", [])
    own = set(content["settings"]["seeds"]) - {seed for run in pooled for seed in run["seeds"]}
    runs = pooled + [content] * bool(own)
    return " ".join(made_by({**content, **_origin(run)}, _FILE) for run in runs)


def _origin(run: dict[str, Any]) -> dict[str, Any]:
    return {"command": run["command"], "machine": run["machine"]}


def comparisons(results: Path) -> str:
    """Make the table of what was compared on Few, as was fixed before."""
    content = read(results, _FILE)
    rows = [
        [f"{name}: `{entry['first']}` − `{entry['second']}`", _points(entry, "interval"),
         _ends(entry["interval_images"]), f"{entry['p_holm']:.2g}"]
        for name, entry in content["comparisons"].items()
    ]  # fmt: skip
    return as_markdown(
        ["on Few, points", "95 % over seeds", "over seeds and test images", "p, Holm"], rows
    )


def secondary(results: Path) -> str:
    """Make the table of what was compared besides, paired by seed."""
    entries = read(results, _FILE)["secondary"]
    rows = [
        [" − ".join(f"`{arm}`" for arm in name.split(" - ")),
         *(_points(by_group[key], "interval") for key in ("few", "all"))]
        for name, by_group in entries.items()
    ]  # fmt: skip
    return as_markdown(["points", "Few", "all"], rows)


def _percent(share: float | None) -> str:
    return number(None if share is None else 100 * share, ".0f")


def _points(entry: dict[str, Any], interval: str) -> str:
    return f"{100 * entry['difference']:+.1f} ({_ends(entry[interval])})"


def _ends(interval: list[float]) -> str:
    low, high = (100 * value for value in interval)
    return f"{low:+.1f} … {high:+.1f}"


LONG_TAIL_TABLES: Mapping[str, Callable[[Path], str]] = {
    "long-tail": arms,
    "long-tail-comparisons": comparisons,
    "long-tail-secondary": secondary,
}
