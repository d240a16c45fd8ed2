"""Which pairs make hard negatives? `python -m benchmarks.hardness`.

Pairs of the demo's scenes are planned at random, by the nearest classes, and by confusion, and
swept over r. Classifiers that were trained on real scenes only then judge the results: an image
that is predicted as another class than its target lies off the diagonal of their confusion matrix,
and is hard. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.episodes import decoded_rows
from benchmarks.measure import environment
from genie_transforms.format import write_json
from index.build import build
from index.config import PAPER_NOISE_RATIOS, BuildConfig
from index.demo import Scenes

from .config import HardnessConfig
from .judges import NAMES, SEED, Floats, Judge, make_judges
from .plot import plot

RANDOM = "random"


_DRAWS = 2000  # of the bootstrap


@dataclass(frozen=True)
class Swept:
    """The P pairs of one plan, each at R noise ratios.

    Attributes:
        source_ids: Source image of each pair, ``(P,)`` str.
        source: Class of its source, ``(P,)`` int64.
        target: Class of its target, ``(P,)`` int64.
        chosen: Place of GeNIe-Ada's r* in the sweep, ``(P,)`` int64.
        images: ``(P, R, 3, 64, 64)`` uint8.
    """

    source_ids: npt.NDArray[np.str_]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    chosen: npt.NDArray[np.int64]
    images: Tensor


def make_plans(config: HardnessConfig) -> dict[str, Swept]:
    """Build or continue a bank of each plan; pairs that two plans share are made once."""
    support = config.work / "scenes"
    if not support.exists():
        Scenes(1 if config.quick else config.per_class, NAMES, SEED).write_image_folder(support)
    swept = {}
    for kind in (RANDOM, "nearest", "confusion"):
        bank = build(
            BuildConfig(
                out=config.work / kind,
                source=str(support),
                backbone="demo",
                pairs=f"{kind}:{1 if config.quick else config.k}",
                noise_ratios=PAPER_NOISE_RATIOS,
                keep_sweep=True,
                num_inference_steps=4 if config.quick else config.num_inference_steps,
                cache=config.work / "pairs",
            )
        )
        swept[kind] = read_swept(bank)
    return swept


def read_swept(bank: Path) -> Swept:
    """Read the pairs and sweeps of a bank with `keep_sweep`."""
    columns = ["source_id", "source_label", "label", "noise_ratio", "sweep"]
    rows = list(decoded_rows(bank, columns))
    grid = np.array(PAPER_NOISE_RATIOS)  # the column is float32, so r* is matched to the nearest
    return Swept(
        source_ids=np.array([row["source_id"] for row in rows]),
        source=np.array([row["source_label"] for row in rows]),
        target=np.array([row["label"] for row in rows]),
        chosen=np.array([int(np.abs(grid - row["noise_ratio"]).argmin()) for row in rows]),
        images=torch.stack([row["sweep"] for row in rows]),
    )


def per_pair(shares: Floats, swept: Swept, confusion: Floats) -> dict[str, Floats]:
    """Measure how hard each pair's image is.

    Args:
        shares: Probability of each class, ``(P, C)``.
        swept: The pairs.
        confusion: Of the judge on real images, see `Judge`.

    Returns:
        ``(P,)`` each: `off_diagonal`, 1 if the image is predicted as another class than the target;
        `to_source`, 1 if as the source's; `source_probability`, that of the source's class; and
        `off_diagonal_beyond_real` and `to_source_beyond_real`, the first two less the share of
        *real* images of the target that are predicted so.
    """
    predicted, rows = shares.argmax(1), np.arange(len(shares))
    off = (predicted != swept.target).astype(np.float64)
    to_source = (predicted == swept.source).astype(np.float64)
    return {
        "off_diagonal": off,
        "to_source": to_source,
        "source_probability": shares[rows, swept.source],
        "off_diagonal_beyond_real": off - (1 - confusion[swept.target, swept.target]),
        "to_source_beyond_real": to_source - confusion[swept.target, swept.source],
    }


def resampled(values: Floats, ids: npt.NDArray[np.int64], weights: Floats) -> Floats:
    """Average values of pairs ``(P,)`` under weights of source images ``(B, S)``: ``(B,)``.

    Args:
        values: One for each pair.
        ids: The source image of each pair, a position in the weights' second axis, ``(P,)``.
        weights: How often each source image was drawn.
    """
    of_pairs = weights[:, ids]
    mean: Floats = (of_pairs * values).sum(1) / of_pairs.sum(1)
    return mean


def compare_plans(plans: Mapping[str, Swept], judges: Mapping[str, Judge]) -> list[dict[str, Any]]:
    """Return one entry for each judge, noise ratio (and Ada's own choice) and plan."""
    sources = np.unique(np.concatenate([swept.source_ids for swept in plans.values()]))
    places = {plan: np.searchsorted(sources, swept.source_ids) for plan, swept in plans.items()}
    rng = np.random.default_rng(0)
    # Pairs of one source image depend on each other, so the bootstrap draws images, not pairs;
    # all plans get the same draws, so that their differences are paired.
    drawn = rng.multinomial(len(sources), np.full(len(sources), 1 / len(sources)), _DRAWS)
    weights = np.concatenate([np.ones((1, len(sources))), drawn])  # the first is the estimate
    results: list[dict[str, Any]] = []
    for name, judge in judges.items():
        shares = {
            plan: judge.classify(swept.images.flatten(0, 1)).reshape(*swept.images.shape[:2], -1)
            for plan, swept in plans.items()
        }
        for place, noise_ratio in enumerate((*PAPER_NOISE_RATIOS, "ada")):
            means: dict[str, Mapping[str, Floats]] = {}
            for plan, swept in plans.items():
                column = swept.chosen if noise_ratio == "ada" else place
                chosen = shares[plan][np.arange(len(swept.target)), column]
                found = per_pair(chosen, swept, judge.confusion)
                means[plan] = {
                    key: resampled(value, places[plan], weights) for key, value in found.items()
                }
                entry = {"judge": name, "noise_ratio": noise_ratio, "plan": plan}
                entry["pairs"] = len(swept.target)
                own, base = means[plan], means[RANDOM]
                results.append(entry | {key: summarize_plan(own[key], base[key]) for key in own})
    return results


def main(config: HardnessConfig) -> dict[str, Any]:
    """Make, measure, print and write."""
    plans = make_plans(config)
    judges = make_judges(config.real_per_class)
    results = compare_plans(plans, judges)
    accuracies = {name: round(judge.accuracy, 4) for name, judge in judges.items()}
    report = {
        "results": results,
        "judges": accuracies,
        "num_inference_steps": config.num_inference_steps,
        "k": config.k,
        "per_class": config.per_class,
        "real_per_class": config.real_per_class,
    }
    print(f"judges, on held-out real scenes: {accuracies}")
    for entry in results:
        print(line(entry))
    if config.json:
        write_json(config.json, {**report, **environment()})
    if config.plot:
        plot(results, config.plot)
    return report


def summarize_plan(means: Floats, random: Floats) -> dict[str, Any]:
    """Return a plan's mean and its difference to random, in percent, with bootstrap intervals.

    Args:
        means: The estimate, then those of the bootstrap, ``(1 + B,)``.
        random: The same of the random plan, from the same source images.
    """
    gap = means - random

    def bounds(values: Floats) -> list[float]:
        return [round(100 * float(q), 2) for q in np.quantile(values[1:], (0.025, 0.975))]

    return {
        "mean": round(100 * float(means[0]), 2),
        "interval": bounds(means),
        "difference": round(100 * float(gap[0]), 2),
        "difference_interval": bounds(gap),
    }


def line(entry: Mapping[str, Any]) -> str:
    """Lay out an entry as one line of text."""
    cells = []
    for key in ("off_diagonal", "off_diagonal_beyond_real", "to_source", "to_source_beyond_real"):
        found, (low, high) = entry[key], entry[key]["difference_interval"]
        gap = f"{found['difference']:+.1f}: {low:+.1f} … {high:+.1f}"
        cells.append(f"{key} {found['mean']:.1f} ({gap})")
    head = f"{entry['judge']:<16} r {entry['noise_ratio']!s:<4} {entry['plan']:<10}"
    return f"{head} {entry['pairs']} pairs: {', '.join(cells)}"
