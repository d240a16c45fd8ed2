"""Tables and plots of the settings that choose r."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from benchmarks.few_shot import cell
from benchmarks.measure import Floats, mean_and_interval, paired_difference
from genie_transforms.format import atomic_path

SHARES = ("oracle_accuracy", "hardness_support", "hardness_real")
"""Reported in percent."""


_RESAMPLES = 2000


_LABELLED = {"paper": "Algorithm 1"} | {
    name: name for name in ("oracle", "random", "from_source", "settles", "furthest")
}


_COLORS = {True: "#d95f02", False: "#4c6a85"}


_AXES = {
    "noise_ratio": "mean r of the chosen images",
    "accuracy": "accuracy, %",
    "oracle_accuracy": "oracle accepts, %",
    "hardness_real": "probability of the source's class, %",
}


def agreement(
    places: Sequence[Sequence[int]], first: Sequence[Sequence[int]], never: int
) -> dict[str, float | None]:
    """Compare chosen places with those of the first image that the oracle accepts.

    Args:
        places: Chosen, episode by episode.
        first: Those that the oracle accepts first, `never` where it accepts none; these pairs are
            left out.
        never: The number of noise ratios.

    Returns:
        `rank_correlation`, Spearman's, None where all chosen are the same; and the shares, in
        percent, of pairs at the `same_r`, `within_one_step`, and `before_the_oracle`.
    """
    chosen, accepted = np.concatenate(places), np.concatenate(first)
    known = accepted < never
    gap = (chosen - accepted)[known]
    varies = len(np.unique(chosen[known])) > 1 and len(np.unique(accepted[known])) > 1
    rho = float(spearmanr(chosen[known], accepted[known]).statistic) if varies else None
    return {
        "rank_correlation": rho if rho is None else round(rho, 3),
        "same_r": round(100 * float((gap == 0).mean()), 1),
        "within_one_step": round(100 * float((abs(gap) <= 1).mean()), 1),
        "before_the_oracle": round(100 * float((gap < 0).mean()), 1),
    }


def summarize_setting(
    found: dict[str, Any],
    first: Sequence[Sequence[int]],
    ratios: Sequence[float],
    baselines: dict[str, Floats],
) -> dict[str, Any]:
    """Return the means of a setting's scores, ready for JSON; accuracies and shares in percent.

    Args:
        found: Its scores, lists over episodes (see `compare.score_settings`).
        first: Places that the oracle accepts first.
        ratios: The sweep.
        baselines: Accuracies in percent of what it is compared with, by name, ``(E,)``.
    """
    accuracies = 100 * np.array(found["accuracy"])
    mean, interval = mean_and_interval(accuracies)
    entry: dict[str, Any] = {"accuracy": round(mean, 2), "interval": round(interval, 2)}
    for name, baseline in baselines.items():
        gap, bounds = paired_difference(accuracies, baseline, resamples=_RESAMPLES)
        entry[f"to_{name}"] = round(gap, 2)
        entry[f"to_{name}_interval"] = [round(bound, 2) for bound in bounds]
    for name in SHARES:
        entry[name] = round(100 * float(np.mean(found[name])), 2)
    if found["background_psnr_db"][0] is not None:
        entry["background_psnr_db"] = round(float(np.mean(found["background_psnr_db"])), 2)
    chosen = np.array(ratios)[np.concatenate(found["places"])]
    entry["noise_ratio"] = round(float(chosen.mean()), 3)
    entry["chosen"] = [round(float((np.isclose(chosen, r)).mean()), 3) for r in ratios]
    return entry | agreement(found["places"], first, len(ratios))


def table(entries: Sequence[dict[str, Any]]) -> str:
    """Lay out settings as a table in Markdown."""
    head = (
        "| setting | accuracy, % | to Algorithm 1 | to the fixed r of the first half | to the best "
        "fixed r here | oracle, % | hardness (support, real), % | background, dB | r | rank "
        "correlation | within a step, % |"
    )
    lines = [head, "|---" * 11 + "|"]
    for entry in entries:
        cells = [
            entry["way"],
            f"{entry['accuracy']:.1f} ± {entry['interval']:.1f}",
            *(_gap(entry, name) for name in ("paper", "fixed", "hindsight")),
            f"{entry['oracle_accuracy']:.0f}",
            f"{entry['hardness_support']:.1f}, {entry['hardness_real']:.1f}",
            cell(entry.get("background_psnr_db")),
            f"{entry['noise_ratio']:.2f}",
            cell(entry["rank_correlation"], ".2f"),
            f"{entry['within_one_step']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _gap(entry: dict[str, Any], name: str) -> str:
    low, high = entry[f"to_{name}_interval"]
    return f"{entry[f'to_{name}']:+.1f} ({low:+.1f} … {high:+.1f})"


def plot(entries: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw accuracy against the mean r in both halves, and hardness against the oracle's accuracy.

    Args:
        entries: The rules; rows of the plot are shots, columns halves and what both have.
        path: A png.
    """
    shots = sorted({entry["k_shot"] for entry in entries})
    halves = list(dict.fromkeys(entry["half"] for entry in entries))
    columns = [(half, "noise_ratio", "accuracy") for half in halves]
    columns.append((halves[-1], "oracle_accuracy", "hardness_real"))
    figure = Figure(figsize=(4.4 * len(columns), 3.6 * len(shots)), layout="constrained")
    for panels, k_shot in zip(
        figure.subplots(len(shots), len(columns), squeeze=False), shots, strict=True
    ):
        for panel, (half, x, y) in zip(panels, columns, strict=True):
            shown = [e for e in entries if e["k_shot"] == k_shot and e["half"] == half]
            fixed = [entry for entry in shown if entry["rule"].startswith("r = ")]
            panel.plot([e[x] for e in fixed], [e[y] for e in fixed], "o-", color="0.6", ms=4)
            for entry in shown:
                if entry not in fixed:
                    label = _LABELLED.get(entry["rule"])
                    panel.plot(entry[x], entry[y], "o", ms=4, color=_COLORS[label is not None])
                    place: dict[str, Any] = {
                        "xytext": (4, 3),
                        "textcoords": "offset points",
                        "fontsize": 8,
                    }
                    panel.annotate(label or "", (entry[x], entry[y]), **place)
            panel.set_title(f"{k_shot}-shot, {half}", fontsize=10)
            panel.set_xlabel(_AXES[x])
            panel.set_ylabel(_AXES[y])
            panel.grid(alpha=0.3)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
