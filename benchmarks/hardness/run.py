"""Which pairs make hard negatives? `python -m benchmarks.hardness`.

Pairs of the demo's scenes are planned at random, by the nearest classes, and by confusion, and
swept over r. Classifiers that were trained on real scenes only then look at the results: what they
take for another class than the target lies off the diagonal of their confusion matrix, and is hard.
Stop it whenever you like: the same command continues.
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
from index.demo import CLASSES, Scenes

from .judges import NAMES, SEED, Floats, make_judges
from .plot import plot

RANDOM = "random"


_DRAWS = 2000  # of the bootstrap


@dataclass(frozen=True, kw_only=True)
class HardnessConfig:
    """Measure how hard the negatives of each planning are.

    Attributes:
        work: Folder that receives the scenes and a bank of each plan; continued if it exists.
        per_class: Scenes of each class that negatives are made from.
        k: Classes that meet each other: random:K, nearest:K, confusion:K.
        num_inference_steps: Steps of the whole denoising.
        real_per_class: Real scenes of each class that the few-image classifier is trained on.
        quick: One scene a class, K = 1 and 4 steps, to see that it works.
        json: File that receives the figures.
        plot: File that receives the plot, a png.
    """

    work: Path
    per_class: int = 32
    k: int = 2
    num_inference_steps: int = 25
    real_per_class: int = 20
    quick: bool = False
    json: Path | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        for name in ("per_class", "k", "num_inference_steps", "real_per_class"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.k >= len(CLASSES):
            raise ValueError(f"k must be less than the {len(CLASSES)} classes, got {self.k}")


@dataclass(frozen=True)
class Swept:
    """The P pairs of one plan, each at R noise ratios.

    Attributes:
        source_ids: Source image of each, ``(P,)`` str.
        source: Class of the source, ``(P,)`` int64.
        target: Class of the target, ``(P,)`` int64.
        chosen: Place of GeNIe-Ada's r* in the sweep, ``(P,)`` int64.
        images: ``(P, R, 3, 64, 64)`` uint8.
    """

    source_ids: npt.NDArray[np.str_]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    chosen: npt.NDArray[np.int64]
    images: Tensor


def make_plans(config: HardnessConfig) -> dict[str, Swept]:
    """Build a bank of each plan, or continue them; pairs that two plans share are made once."""
    support = config.work / "scenes"
    if not support.exists():
        Scenes(1 if config.quick else config.per_class, NAMES, SEED).write_image_folder(support)
    swept = {}
    for kind in (RANDOM, "nearest", "confusion"):
        bank = build(
            BuildConfig(
                out=config.work / kind,
                source=str(support),
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
    """Read a bank with `keep_sweep`."""
    columns = ["source_id", "source_label", "label", "noise_ratio", "sweep"]
    rows, grid = list(decoded_rows(bank, columns)), np.array(PAPER_NOISE_RATIOS)
    return Swept(
        np.array([row["source_id"] for row in rows]),
        np.array([row["source_label"] for row in rows]),
        np.array([row["label"] for row in rows]),
        np.array([int(np.abs(grid - row["noise_ratio"]).argmin()) for row in rows]),
        torch.stack([row["sweep"] for row in rows]),
    )


def per_pair(shares: Floats, swept: Swept, confusion: Floats) -> dict[str, Floats]:
    """Say of each pair how hard it is.

    Args:
        shares: Probability of each class, ``(P, C)``.
        swept: The pairs.
        confusion: What the judge takes real pictures for, see `Judge`.

    Returns:
        ``(P,)`` each: `off_diagonal`, 1 if it is taken for another class than the target;
        `to_source`, 1 if for the source's; `source_probability`, what the source's class gets. And
        `off_diagonal_beyond_real` and `to_source_beyond_real`, the first two less the share of
        *real* pictures of the target that this happens to.
    """
    called, rows = shares.argmax(1), np.arange(len(shares))
    off = (called != swept.target).astype(np.float64)
    to_source = (called == swept.source).astype(np.float64)
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


def main(config: HardnessConfig) -> dict[str, Any]:
    """Make, measure, print and write."""
    plans = make_plans(config)
    judges = make_judges(config.real_per_class)
    accuracies = {name: round(judge.accuracy, 4) for name, judge in judges.items()}
    sources = np.unique(np.concatenate([swept.source_ids for swept in plans.values()]))
    places = {name: np.searchsorted(sources, swept.source_ids) for name, swept in plans.items()}
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(sources), np.full(len(sources), 1 / len(sources)), _DRAWS)
    weights = np.concatenate([np.ones((1, len(sources))), drawn])  # the first is the estimate
    results: list[dict[str, Any]] = []
    for judge, seen_by in judges.items():
        shares = {
            name: seen_by.look(swept.images.flatten(0, 1)).reshape(*swept.images.shape[:2], -1)
            for name, swept in plans.items()
        }
        for place, noise_ratio in enumerate((*PAPER_NOISE_RATIOS, "ada")):
            means: dict[str, Mapping[str, Floats]] = {}
            for name, swept in plans.items():
                at = swept.chosen if noise_ratio == "ada" else place
                chosen = shares[name][np.arange(len(swept.target)), at]
                found = per_pair(chosen, swept, seen_by.confusion)
                means[name] = {
                    key: resampled(value, places[name], weights) for key, value in found.items()
                }
                entry = {"judge": judge, "noise_ratio": noise_ratio, "plan": name}
                entry["pairs"] = len(swept.target)
                own, base = means[name], means[RANDOM]
                results.append(entry | {key: summed_up(own[key], base[key]) for key in own})
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


def summed_up(means: Floats, random: Floats) -> dict[str, Any]:
    """Give a plan's mean and its difference to random, in percent, with bootstrapped intervals.

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
    """Lay out an entry."""
    cells = []
    for key in ("off_diagonal", "off_diagonal_beyond_real", "to_source", "to_source_beyond_real"):
        found, (low, high) = entry[key], entry[key]["difference_interval"]
        gap = f"{found['difference']:+.1f}: {low:+.1f} … {high:+.1f}"
        cells.append(f"{key} {found['mean']:.1f} ({gap})")
    head = f"{entry['judge']:<16} r {entry['noise_ratio']!s:<4} {entry['plan']:<10}"
    return f"{head} {entry['pairs']} pairs: {', '.join(cells)}"
