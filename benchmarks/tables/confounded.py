"""Tables of the experiment with confounded backgrounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .markdown import as_markdown, made_by, number, read

_FILE = "confounded.json"

_SETTINGS = "confounded_settings.json"

_TIED = "confounded_tied.json"

_CONTROLS = ("genie", "real-g", "balanced+genie")
"""Arms whose comparisons are not about a setting."""

_TESTS = ("biased", "uniform", "swapped")


def arms(results: Path) -> str:
    """Make the table of all arms: Few on every test, and what the negatives are like."""
    return _arms(results, _FILE)


def tied_arms(results: Path) -> str:
    """Make the same of those whose prompts name each class's own background, and their partners."""
    return _arms(results, _TIED)


def _arms(results: Path, file: str) -> str:
    content = read(results, file)
    own_color = content["backgrounds"]["own_color"]
    head = ["arm", *(f"Few, {kind}" for kind in _TESTS), "all, swapped", "on target"]
    rows = []
    for name in dict.fromkeys(entry["arm"] for entry in content["arms"]):  # as they were run
        means, spread = content["means"][name], content["deviations"][name]
        cells = [(kind, "few") for kind in _TESTS] + [("swapped", "all")]
        figures = [
            f"{100 * means[kind][group]:.1f} ± {100 * spread[kind][group]:.1f}"
            for kind, group in cells
        ]
        about = [content["oracle"].get(name), own_color.get(name)]
        rows.append([f"`{name}`", *figures, *(_percent(value) for value in about)])
    table = as_markdown([*head, "own colour"], rows)
    return f"{table}\n\n{made_by(content, file)}"


def settings(results: Path) -> str:
    """Make the table of what the settings do: each arm against the usual one, paired by seed."""
    content = read(results, _SETTINGS)
    oracle, rows = content["oracle"], []
    for name, by_test in content["comparisons"].items():
        arm, usual = name.split(" - ")
        if arm in _CONTROLS:
            continue
        means = content["means"][arm]
        rows.append(
            [f"`{arm}`", *(f"{100 * means[kind]['few']:.1f}" for kind in _TESTS),
             f"`{usual}`", *(_widest(by_test[kind]) for kind in ("biased", "swapped")),
             _percent(oracle.get(arm))]
        )  # fmt: skip
    head = ["arm", *(f"Few, {kind}" for kind in _TESTS), "less", "biased", "swapped", "on target"]
    return f"{as_markdown(head, rows)}\n\n{made_by(content, _SETTINGS)}"


def comparisons(results: Path) -> str:
    """Make the table of paired differences on Few, the prediction's first."""
    return _comparisons(results, _FILE)


def tied_comparisons(results: Path) -> str:
    """Make the same of tied prompts."""
    return _comparisons(results, _TIED)


def _comparisons(results: Path, file: str) -> str:
    content = read(results, file)
    rows = [[name, "", "", _interval(entry)] for name, entry in content["prediction"].items()]
    rows += [
        [name, *(_interval(by_test[kind]) for kind in _TESTS)]
        for name, by_test in content["comparisons"].items()
    ]
    return as_markdown(["difference, points", *_TESTS], rows)


def _percent(share: float | None) -> str:
    return number(None if share is None else 100 * share)


def _widest(entry: dict[str, Any]) -> str:
    """Show a difference with its interval over seeds and test images."""
    low, high = (100 * value for value in entry["interval_images"])
    return f"{100 * entry['difference']:+.1f} ({low:+.1f} … {high:+.1f})"


def _interval(entry: dict[str, Any]) -> str:
    """Show a difference with its t-interval over seeds, and with that over test images too."""
    low, high = (100 * value for value in entry["interval"])
    first, last = (100 * value for value in entry["interval_images"])
    return (
        f"{100 * entry['difference']:+.1f} ({low:+.1f} … {high:+.1f}; {first:+.1f} … {last:+.1f})"
    )


CONFOUNDED_TABLES: Mapping[str, Callable[[Path], str]] = {
    "confounded": arms,
    "confounded-comparisons": comparisons,
    "confounded-settings": settings,
    "confounded-tied": tied_arms,
    "confounded-tied-comparisons": tied_comparisons,
}
