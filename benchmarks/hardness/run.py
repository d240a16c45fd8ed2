"""Which pairs make hard negatives? `python -m benchmarks.hardness`.

Pairs of the demo's scenes are planned at random, by the nearest classes, and by confusion, and
swept over r. A classifier that was trained on few real scenes then judges the results: an image
that is predicted as another class than its target lies off the diagonal of its confusion matrix.
Hard is not wrong: only images in which the oracle sees their target count. Beside them stand
Txt2Img's of the same pairs, and real images of the targets. Stop it whenever you like: the same
command continues.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.measure import environment, without_nan
from genie_transforms.format import write_json

from .compare import compare_plans
from .config import HardnessConfig
from .judges import FEW, ORACLE, make_judges
from .plans import make_plans
from .plot import plot


def main(config: HardnessConfig) -> dict[str, Any]:
    """Make, measure, print and write."""
    plans = make_plans(config)
    judges = make_judges(config.real_per_class)
    results = compare_plans(plans, judges[FEW], judges[ORACLE])
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
        write_json(config.json, {**without_nan(report), **environment()})
    if config.plot:
        plot(results, config.plot)
    return report


def line(entry: Mapping[str, Any]) -> str:
    """Lay out an entry as one line of text."""
    cells = []
    for key in ("off_diagonal", "off_diagonal_beyond_real", "to_source", "to_source_beyond_real"):
        found, (low, high) = entry[key], entry[key]["difference_interval"]
        gap = f"{found['difference']:+.1f}: {low:+.1f} … {high:+.1f}"
        cells.append(f"{key} {found['mean']:.1f} ({gap})")
    head = f"{entry['noise_ratio']!s:<8} {entry['plan']:<10}"
    return f"{head} {entry['pairs']} pairs: {', '.join(cells)}"
