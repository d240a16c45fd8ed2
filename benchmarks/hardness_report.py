"""The figures of the hardness benchmark: shares by plan and r, their errors, and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from index.whole import whole

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_RESAMPLES = 4000
_SHOWN = {"to_source": "seen as the source, %", "off_diagonal": "off the diagonal, %"}


@dataclass(frozen=True)
class Judged:
    """What a classifier sees in P pairs, in V versions of each: every r, and Ada's choice.

    Attributes:
        sources: Source image of each pair, ``(P,)`` int64.
        classes: Class of each source image, ``(S,)`` int64.
        targets: Target class of each pair, ``(P,)`` int64.
        probabilities: Of each class, ``(P, V, C)`` float64.
    """

    sources: Integers
    classes: Integers
    targets: Integers
    probabilities: Floats

    def measures(self) -> dict[str, Floats]:
        """Measure every picture.

        Returns:
            ``(P, V)`` float64 each: `off_diagonal`, 1 where the classifier takes it for another
            class than the target; `to_source` for the source's class, `to_third` for any other;
            `source_probability`; `loss`, the cross-entropy to the target, in nats.
        """
        own, target = self.classes[self.sources][:, None], self.targets[:, None]
        called = self.probabilities.argmax(2)
        of_source, of_target = (
            np.take_along_axis(self.probabilities, label[:, None], 2)[..., 0]
            for label in (own, target)
        )
        return {
            "off_diagonal": (called != target).astype(np.float64),
            "to_source": (called == own).astype(np.float64),
            "to_third": ((called != target) & (called != own)).astype(np.float64),
            "source_probability": of_source,
            "loss": -np.log(np.maximum(of_target, 1e-12)),
        }


def resampled_counts(classes: Integers, resamples: int, seed: int = 0) -> Integers:
    """Draw source images with replacement, within each class, for the bootstrap.

    Args:
        classes: Class of each source image, ``(S,)`` int64.
        resamples: B.
        seed: Seed of the draws.

    Returns:
        How often each image was drawn, ``(B, S)`` int64.
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(classes)), dtype=np.int64)
    for label in np.unique(classes):
        (rows,) = np.nonzero(classes == label)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), resamples)
    return counts


def compare(
    judged: Judged, rows: Mapping[str, Integers], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Compare plans with the first one.

    Pairs of one source image are alike, and plans share source images: the bootstrap draws images
    with all their pairs, the same ones for all plans.

    Args:
        judged: All pairs.
        rows: The pairs of each plan.
        columns: Name of each of the V versions.

    Returns:
        For each plan and version the mean of each measure with its standard error and, but for the
        first plan, the difference to it with its 95 % interval (percentiles).
    """
    counts = resampled_counts(judged.classes, _RESAMPLES).astype(np.float64)
    num_images, measures = len(judged.classes), judged.measures()
    baseline = next(iter(rows))
    entries = []
    for place, column in enumerate(columns):
        kept: dict[tuple[str, str], tuple[float, Floats]] = {}
        for plan, at in rows.items():
            images = judged.sources[at]
            sizes = counts @ np.bincount(images, minlength=num_images)
            entry: dict[str, Any] = {"plan": plan, "noise_ratio": column, "pairs": len(at)}
            for name, values in measures.items():
                each = values[at, place]
                means = counts @ np.bincount(images, each, num_images) / sizes
                kept[plan, name] = float(each.mean()), means
                found = {"mean": float(each.mean()), "standard_error": float(means.std())}
                if plan != baseline:
                    mean, others = kept[baseline, name]
                    low, high = np.percentile(means - others, [2.5, 97.5])
                    found["difference"] = float(each.mean()) - mean
                    found |= {"low": float(low), "high": float(high)}
                entry[name] = {key: round(value, 4) for key, value in found.items()}
            entries.append(entry)
    return entries


def show(result: Mapping[str, Any]) -> None:
    """Print the shares of each judge, and how they differ from the first plan's."""
    for judge, facts in result["judges"].items():
        print(f"{judge}: {facts['accuracy_on_real']:.1%} of {facts['real']} real scenes are right")
        for entry in (e for e in result["figures"] if e["judge"] == judge):
            cells = []
            for name in ("off_diagonal", "to_source", "to_third", "source_probability"):
                found = entry[name]
                cell = f"{name} {found['mean']:6.1%} ± {1.96 * found['standard_error']:.1%}"
                if "low" in found:
                    cell += f" ({found['low']:+.1%} … {found['high']:+.1%})"
                cells.append(cell)
            print(
                f"  r {entry['noise_ratio']:4}{entry['plan']:13}{'  '.join(cells)}"
                f"  loss {entry['loss']['mean']:.2f}"
            )


def plot(entries: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw both shares against r, one row a judge; bars are 95 % intervals.

    Args:
        entries: What `compare` gave, with the judge.
        path: A png.
    """
    judges = list(dict.fromkeys(entry["judge"] for entry in entries))
    plans = list(dict.fromkeys(entry["plan"] for entry in entries))
    figure = Figure(figsize=(7.5, 2.9 * len(judges)), layout="constrained")
    for panels, judge in zip(figure.subplots(len(judges), 2, squeeze=False), judges, strict=True):
        for panel, (name, label) in zip(panels, _SHOWN.items(), strict=True):
            for shift, plan in enumerate(plans):
                shown = [e for e in entries if e["judge"] == judge and e["plan"] == plan]
                places = np.arange(len(shown)) + 0.12 * (shift - 1)  # side by side
                means = [100 * e[name]["mean"] for e in shown]
                errors = [196 * e[name]["standard_error"] for e in shown]
                panel.errorbar(places, means, errors, fmt="o", ms=4, capsize=2, label=plan)
            panel.set_xticks(range(len(shown)), [e["noise_ratio"] for e in shown])
            panel.set_title(f"judge: {judge}", fontsize=10)
            panel.set_xlabel("noise ratio r")
            panel.set_ylabel(label)
            panel.set_ylim(bottom=0)
            panel.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False, fontsize=8)
    with whole(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
