"""Tables of the rules and settings that choose r."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .markdown import as_markdown, difference, made_by, number, only, read

_DEMO, _FASHION = "choosing_r.json", "fashion-mnist/choosing_r.json"

_HALVES = {"selection": "first half", "confirmation": "second half"}

_SHOTS = (1, 5)

_MORE = (
    "r = 0.7", "r = 0.8", "r = 0.9", "oracle", "random", "paper", "from_source", "crosses",
    "settles", "halfway", "furthest", "nearest",
)  # fmt: skip

_PAPER_AND_CROSSES = (
    "supervised", "imagenet", "untrained", "centroid one", "centroid many", "centroid generated",
    "centroid many, from the class", "without background",
    "centroid many, without background", "grid 0.3 … 1",
)  # fmt: skip

_SETTINGS = (
    "paper",
    *(f"{rule}, {setting}" for rule in ("paper", "crosses") for setting in _PAPER_AND_CROSSES),
    "nearest, supervised",
    "nearest, centroid generated",
)


def rules(name: str, results: Path) -> str:
    """Make the table of all rules in both halves, with both numbers of shots."""
    content = read(results, name)
    ways = [way for way in content["ways"] if way["sweep"] == "own"]
    both = {way["way"] for way in ways if way["half"] == "selection"} - {"r = 0.3", "r = 0.4"}
    columns = [(half, shots) for shots in _SHOTS for half in _HALVES]
    head = ["setting", *(f"{shots}-shot, {_HALVES[half]}" for half, shots in columns)]
    rows = [
        [rule, *(_both(_way(ways, rule, half, shots)) for half, shots in columns)]
        for rule in dict.fromkeys(way["way"] for way in ways)
        if rule in both
    ]
    return f"{as_markdown(head, rows)}\n\n{made_by(content, name)}"


def more(results: Path) -> str:
    """Make the table of what else is known of some rules, second half, 5-shot."""
    content = read(results, _DEMO)
    rows = []
    for rule in _MORE:
        way = _way(content["ways"], rule, "confirmation", 5)
        rows.append([
            rule, f"{way['accuracy']:.1f} ± {way['interval']:.1f}", _to_paper(way),
            f"{way['noise_ratio']:.2f}", number(way["rank_correlation"], ".2f"),
            f"{way['within_one_step']:.0f}", f"{way['oracle_accuracy']:.1f}",
            f"{way['hardness_real']:.1f}", f"{way['background_psnr_db']:.1f}",
        ])  # fmt: skip
    head = ["setting", "accuracy, %", "to Algorithm 1", "mean r", "rank correlation",
            "within a step of the oracle, %", "oracle accuracy, %", "hardness, %",
            "background, dB"]  # fmt: skip
    return as_markdown(head, rows)


def settings(name: str, results: Path) -> str:
    """Make the table of backbones, centroids, lines and grids in the second half."""
    content = read(results, name)
    columns = {"rank_correlation": ("rank correlation, 1 / 5", ".2f"),
               "oracle_accuracy": ("oracle accuracy, 1 / 5, %", ".0f"),
               "background_psnr_db": ("background, 1 / 5, dB", ".1f")}  # fmt: skip
    if "background_psnr_db" not in content["ways"][0]:  # known of scenes alone
        del columns["background_psnr_db"]
    rows, known = [], {way["way"] for way in content["ways"]}
    for setting in _SETTINGS:
        if setting not in known:  # a backbone that was not given
            continue
        ways = [_way(content["ways"], setting, "confirmation", shots) for shots in _SHOTS]
        cells = [cell for way in ways for cell in (number(way["accuracy"]), _to_paper(way))]
        for key, (_, form) in columns.items():
            cells.append(" / ".join(number(way[key], form) for way in ways))
        rows.append([setting, *cells])
    head = ["setting", *(head for k in _SHOTS for head in (f"{k}-shot", "to Algorithm 1"))]
    return as_markdown([*head, *(title for title, _ in columns.values())], rows)


def sweeps(results: Path) -> str:
    """Make the table of sweeps with other noise, guidance and steps."""
    ways = [way for way in read(results, _DEMO)["ways"] if way["half"] == "few"]
    shown = [*(f"r = {ratio:g}" for ratio in (0.6, 0.7, 0.8, 0.9, 1)), "oracle", "paper", "crosses"]
    rows = []
    for sweep in dict.fromkeys(way["sweep"] for way in ways):
        found = {way["way"]: way for way in ways if way["sweep"] == sweep}
        cells = [
            f"{found[way]['accuracy']:.1f} ({found[way]['oracle_accuracy']:.0f})" for way in shown
        ]
        both = ", ".join(f"{found[way]['rank_correlation']:.2f}" for way in ("paper", "crosses"))
        rows.append([sweep, *cells, _to_paper(found["crosses"]), both])
    head = ["sweep", *shown, "crosses to Algorithm 1", "rank correlation: Algorithm 1, crosses"]
    return as_markdown(head, rows)


def _way(ways: Sequence[dict[str, Any]], name: str, half: str, shots: int) -> dict[str, Any]:
    return only(ways, {"way": name, "half": half, "k_shot": shots, "sweep": "own"})


def _to_paper(way: dict[str, Any]) -> str:
    return "0" if way["way"] == "paper" else difference(way["to_paper"], way["to_paper_interval"])


def _both(way: dict[str, Any]) -> str:
    gap = "" if way["way"] == "paper" else f", {_to_paper(way)}"
    return number(way["accuracy"]) + gap


CHOOSING_TABLES: Mapping[str, Callable[[Path], str]] = {
    "choosing-rules": partial(rules, _DEMO),
    "choosing-more": more,
    "choosing-settings": partial(settings, _DEMO),
    "choosing-sweeps": sweeps,
    "fashion-mnist-rules": partial(rules, _FASHION),
    "fashion-mnist-settings": partial(settings, _FASHION),
}
"""By the names that blocks have."""
