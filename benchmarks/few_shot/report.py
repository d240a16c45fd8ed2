"""The few-shot table and plot, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.measure import Floats, mean_and_interval, paired_difference
from genie_transforms.format import atomic_path

from .config import BASELINE

PAPER: dict[str, dict[int, float]] = {
    "weak": {1: 64.6, 5: 83.4},
    "strong": {1: 64.8, 5: 83.2},
    "mixed": {1: 64.5, 5: 83.8},
    "mixup": {1: 63.8, 5: 84.6},
    "cutmix": {1: 64.3, 5: 83.2},
    "mixed+mixup": {1: 64.9, 5: 84.5},
    "mixed+cutmix": {1: 63.5, 5: 83.0},
    "img2img-low": {1: 66.0, 5: 84.0},
    "img2img-high": {1: 71.1, 5: 85.7},
    "dafusion": {1: 65.7, 5: 83.9},
    "txt2img": {1: 76.4, 5: 86.5},
    "genie+mixup": {1: 76.4, 5: 85.9},
    "genie+txtinv": {1: 76.2, 5: 86.2},
    "genie-0.5": {1: 63.7, 5: 77.6},
    "genie-0.6": {1: 72.1, 5: 82.8},
    "genie-0.7": {1: 77.1, 5: 85.0},
    "genie": {1: 77.3, 5: 87.2},
    "genie-0.9": {1: 77.7, 5: 87.0},
    "genie-ada": {1: 78.6, 5: 87.9},
}
"""Accuracy in % on mini-ImageNet, UniSiam ResNet-50, by k_shot (paper, tables 1, 5, A1 and A3)."""


def summarize_arm(
    arm: str,
    k_shot: int,
    accuracies: Floats,
    baseline: Floats,
    facts: dict[str, list[float]],
    failed: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Summarize an arm, ready for JSON; accuracies are in percent.

    Args:
        arm: Name of the arm.
        k_shot: Support images of each class.
        accuracies: Of each episode, ``(E,)`` in [0, 1]; NaN where it failed.
        baseline: Of Txt2Img in the same episodes, ``(E,)``.
        facts: What is known about the added images of each episode.
        failed: The failed episodes and why they failed.
    """
    mean, interval = mean_and_interval(100 * accuracies)
    difference, bounds = paired_difference(100 * accuracies, 100 * baseline)
    means = {name: float(np.mean(values)) for name, values in facts.items()}
    known = {name: round(mean, 4) for name, mean in means.items() if np.isfinite(mean)}
    if "oracle_accuracy" in known:
        known["oracle_accuracy"] = round(100 * float(np.mean(facts["oracle_accuracy"])), 2)
    return {
        "arm": arm,
        "k_shot": k_shot,
        "episodes": len(accuracies),
        "failed": list(failed),
        "accuracy": rounded(mean),
        "interval": rounded(interval),
        "difference": rounded(difference),
        "difference_interval": [rounded(bound) for bound in bounds],
        **known,
    }


def rounded(value: float) -> float | None:
    """Round for JSON, which has no NaN."""
    return round(value, 2) if np.isfinite(value) else None


def cell(value: float | None, form: str = ".1f") -> str:
    """Format a number for a table; an unknown one is a dash."""
    return "–" if value is None else format(value, form)


def over_images(entry: dict[str, Any], name: str) -> str:
    """Show half an interval over images; results from before there were any have none."""
    return f" / {cell(entry[name])}" if name in entry else ""


def table(entries: Sequence[dict[str, Any]], k_shot: int) -> str:
    """Lay out the arms of one number of shots as a table in Markdown.

    An interval is over episodes; behind a stroke stands half the one over images.
    """
    lines = [
        f"| {k_shot}-shot | accuracy, % | to {BASELINE}, paired | r | oracle, % | background, dB "
        "| network rows | paper |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        if entry["k_shot"] != k_shot:
            continue
        low, high = entry["difference_interval"]
        cells = [
            f"{cell(entry['accuracy'])} ± {cell(entry['interval'])}"
            + over_images(entry, "interval_images"),
            "0"
            if entry["arm"] == BASELINE
            else f"{cell(entry['difference'], '+.1f')} "
            f"({cell(low, '+.1f')} … {cell(high, '+.1f')})"
            + over_images(entry, "difference_interval_images"),
            cell(entry.get("noise_ratio"), ".2f"),
            cell(entry.get("oracle_accuracy"), ".0f"),
            cell(entry.get("background_psnr_db")),
            cell(entry.get("network_rows"), ".0f"),
            cell(PAPER.get(entry["arm"], {}).get(k_shot)),
        ]
        failed = f" ({len(entry['failed'])} failed)" if entry["failed"] else ""
        lines.append(f"| {entry['arm']}{failed} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(entries: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw accuracies with their 95 % intervals, a panel for each number of shots."""
    shots = sorted({entry["k_shot"] for entry in entries})
    names = list(dict.fromkeys(entry["arm"] for entry in entries))
    size = (4.2 * len(shots) + 1, 0.24 * len(names) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(shots), sharey=True, squeeze=False)[0]
    for axes, k_shot in zip(panels, shots, strict=True):
        for entry in entries:
            if entry["k_shot"] != k_shot or entry["accuracy"] is None:
                continue
            color = "#d95f02" if entry["arm"].startswith("genie") else "#4c6a85"
            place = names.index(entry["arm"])
            axes.errorbar(
                entry["accuracy"], place, xerr=entry["interval"], fmt="o", capsize=2, color=color
            )
            if entry["arm"] == BASELINE:
                axes.axvline(entry["accuracy"], color="0.6", linestyle="--", linewidth=1)
        axes.set_title(f"{k_shot}-shot")
        axes.set_xlabel("accuracy, %")
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
