"""The table by kind of background, the prediction's test, and the plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.long_tail import difference, over_seeds_and_images, share_of_gap
from index.demo import CLASSES

from .config import ConfoundedConfig
from .scenes import TESTS, Kind

Floats = npt.NDArray[np.float64]

GROUPS = ("few", "medium", "many", "all", "ece")

PAIRS = (
    ("genie", "txt2img"),
    ("genie", "txt2img-tied"),
    ("genie-tied", "txt2img-tied"),
    ("genie-tied", "genie"),
    ("genie-tied", "resampled"),
    ("img2img-low", "txt2img"),
    ("img2img-low", "genie"),
    ("genie-ada", "genie"),
    ("txt2img", "resampled"),
    ("genie", "resampled"),
    ("real-g", "genie"),
    ("balanced+genie", "balanced"),
    *((f"genie-{r}", "genie") for r in (0.5, 0.6, 0.7, 0.9)),
    *((f"genie-of-{k}", "genie") for k in (5, 10, 25)),
    ("genie-kept", "genie"),
    *((f"balanced+genie-p{p}", "balanced+genie") for p in (0.25, 0.75, 1.0)),
)
"""Compared on Few on every test; the first ones also in how swapped differs from biased."""

NUM_PREDICTED = 3


def report(config: ConfoundedConfig, figures: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what goes into the JSON, but for the backgrounds and the machine.

    Args:
        config: The experiment.
        figures: Of every arm and seed.

    Returns:
        `prediction`, the primary test and the same with tied prompts; `comparisons`
        on Few, by pair and test; `share_of_real`, of the gap from re-sampling to real-g on Few, by
        arm and test; `means` and `deviations` over seeds, by arm, test and group;
        `oracle`, label precision; `arms`, as given; `rule`, `settings`.
    """
    seen = _Seen(config, figures)
    pairs = [pair for pair in PAIRS if set(pair) <= set(config.arms)]
    generated = dict.fromkeys(entry["arm"] for entry in figures if entry["oracle"] is not None)
    return {
        "prediction": {
            f"({a} - {b}) on swapped - on biased": seen.compare(("swapped", a, b), ("biased", a, b))
            for a, b in PAIRS[:NUM_PREDICTED]
            if (a, b) in pairs
        },
        "comparisons": {
            f"{a} - {b}": {kind: seen.compare((kind, a, None), (kind, b, None)) for kind in TESTS}
            for a, b in pairs
        },
        "share_of_real": seen.shares_of_real(),
        "means": seen.over_seeds(np.mean),
        "deviations": seen.over_seeds(lambda values: values.std(ddof=1) if len(values) > 1 else 0),
        "oracle": {name: seen.mean_of(name, "oracle") for name in generated},
        "rule": str(config.long_tail().group_rule),
        "arms": figures,
        "settings": {**config.recipe(), "seeds": list(config.seeds)},
    }


class _Seen:
    """What was measured, by arm, seed and test."""

    def __init__(self, config: ConfoundedConfig, figures: list[dict[str, Any]]) -> None:
        self._config, self._figures = config, figures
        self._labels = np.repeat(np.arange(len(CLASSES)), config.num_test)

    def entries(self, arm: str) -> list[dict[str, Any]]:
        """Return the figures of an arm, in the order of the seeds."""
        return [entry for entry in self._figures if entry["arm"] == arm]

    def mean_of(self, arm: str, key: str) -> float:
        """Return the mean over seeds of a figure."""
        return float(np.mean([entry[key] for entry in self.entries(arm)]))

    def column(self, arm: str, kind: Kind, group: str) -> Floats:
        """Return a figure of a test, ``(S,)``."""
        return np.array([e["tests"][kind][group] for e in self.entries(arm)], dtype=np.float64)

    def over_seeds(self, reduce: Any) -> dict[str, Any]:
        """Return a statistic over seeds, by arm, test and group."""
        return {
            arm: {
                kind: {group: float(reduce(self.column(arm, kind, group))) for group in GROUPS}
                for kind in TESTS
            }
            for arm in self._config.arms
        }

    def shares_of_real(self) -> dict[str, dict[str, float]]:
        """Return what each arm gains on re-sampling, as a share of what real-g gains, on Few."""
        if not {"resampled", "real-g"} <= set(self._config.arms):
            return {}
        ends = {
            kind: [self.column(arm, kind, "few") for arm in ("resampled", "real-g")]
            for kind in TESTS
        }
        return {
            arm: {kind: share_of_gap(self.column(arm, kind, "few"), *ends[kind]) for kind in TESTS}
            for arm in self._config.arms
        }

    def compare(
        self, first: tuple[Kind, str, str | None], second: tuple[Kind, str, str | None]
    ) -> dict[str, Any]:
        """Compare two figures on Few, each of a test: an arm's, or one arm's less another's.

        Returns:
            `difference`, its t-interval over seeds, and `interval_images`, wider by the test
            images. Tests show the same objects in the same order.
        """
        a, b = (self._gap_by_seed(*one) for one in (first, second))
        interval = over_seeds_and_images(
            self._gap_by_image(*first), self._gap_by_image(*second), self._few_labels()
        )
        return {**difference(a, b), "interval_images": interval}

    def _gap_by_seed(self, kind: Kind, arm: str, less: str | None) -> Floats:
        column = self.column(arm, kind, "few")
        return column if less is None else column - self.column(less, kind, "few")

    def _gap_by_image(self, kind: Kind, arm: str, less: str | None) -> list[Floats]:
        return [
            self._right(seed, kind, arm) - (0 if less is None else self._right(seed, kind, less))
            for seed in self._config.seeds
        ]

    def _right(self, seed: int, kind: Kind, arm: str) -> Floats:
        """Return 1 for each Few test image that an arm got right, else 0."""
        path = self._config.work / f"seed-{seed}" / "arms" / arm / f"right-{kind}.npy"
        right = np.load(path, allow_pickle=False)[np.isin(self._labels, self._few(seed))]
        found: Floats = right.astype(np.float64)
        return found

    def _few(self, seed: int) -> list[int]:
        found = next(entry for entry in self._figures if entry["seed"] == seed)
        return [sorted(CLASSES).index(name) for name in found["few_classes"]]

    def _few_labels(self) -> list[npt.NDArray[np.int64]]:
        return [self._labels[np.isin(self._labels, self._few(seed))] for seed in self._config.seeds]


def show(result: dict[str, Any], config: ConfoundedConfig) -> None:
    """Print the table and the comparisons; draw the plot if wanted."""
    print(f"\naccuracy in %, mean ± deviation over {len(config.seeds)} seeds; {result['rule']}")
    heads = "".join(f"{f'{group} {kind}':>16}" for group in ("Few", "all") for kind in TESTS)
    print(f"{'arm':16}{heads}{'oracle':>8}")
    for name, means in result["means"].items():
        cells = [
            f"{100 * means[kind][group]:.1f} ± {100 * result['deviations'][name][kind][group]:.1f}"
            for group in ("few", "all")
            for kind in TESTS
        ]
        oracle = result["oracle"].get(name)
        shown = "" if oracle is None else f"{100 * oracle:8.1f}"
        print(f"{name:16}{''.join(f'{cell:>16}' for cell in cells)}{shown}")
    for name, share in result["backgrounds"]["own_color"].items():
        print(f"negatives of {name}: {share:.1%} on the background colour of their class")
    for name, entry in result["prediction"].items():
        print(f"{name}: {_in_points(entry)}")
    for name, by_test in result["comparisons"].items():
        for kind, entry in by_test.items():
            print(f"{name}, {kind}: {_in_points(entry)}")
    if config.plot:
        draw(result, config.plot)


def _in_points(entry: dict[str, Any]) -> str:
    low, high = (100 * value for value in entry["interval"])
    first, last = (100 * value for value in entry["interval_images"])
    return (
        f"{100 * entry['difference']:+.1f} ({low:+.1f} … {high:+.1f}; with test images "
        f"{first:+.1f} … {last:+.1f}), p {entry['p']:.2g}"
    )


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the accuracy on Few of every arm on each test: a dot a seed, a bar at the mean."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = list(result["means"])
    figure, axes = plt.subplots(1, 3, figsize=(11, 0.35 * len(names) + 1.2), sharey=True)
    for axis, kind in zip(axes, TESTS, strict=True):
        for place, name in enumerate(names):
            entries = [entry for entry in result["arms"] if entry["arm"] == name]
            values = [100 * entry["tests"][kind]["few"] for entry in entries]
            axis.plot(values, [place] * len(values), "o", alpha=0.4, color="tab:blue")
            axis.plot([np.mean(values)] * 2, [place - 0.3, place + 0.3], color="black")
        axis.set_title(f"{kind} backgrounds")
        axis.set_xlabel("Few, %")
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
