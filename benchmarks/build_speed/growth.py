"""How the sweep's time grows with pairs, noise ratios and batch size; and its plot."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from matplotlib.figure import Figure

from genie_transforms.format import atomic_path
from index.diffusion.sampling import SweepPair

from .one_by_one import Job

Growth = dict[str, list[dict[str, float]]]


_COUNTS = (1, 2, 4, 8, 16, 32, 64)


_BATCH_SIZES = (2, 8, 16, 32, 64, 128)


_LABELS = {
    "pairs": "pairs",
    "noise_ratios": "noise ratios of a pair",
    "batch_size": "batch size, rows",
}


def measure_growth(job: Job, batch_size: int) -> Growth:
    """Time the sweep for more pairs, more noise ratios and larger batches, one at a time.

    Args:
        job: All pairs.
        batch_size: Rows of one network call, where the batch size is not what is varied.

    Returns:
        For `pairs`, `noise_ratios` and `batch_size` a list of ``{name: count, "pairs_made": P,
        "seconds": s}``.
    """

    def timed(name: str, count: int, pairs: list[SweepPair], size: int) -> dict[str, float]:
        part = Job(job.family, job.images, pairs, job.settings)
        start = perf_counter()
        part.sweep_in_batches(size)
        seconds = perf_counter() - start
        return {name: count, "pairs_made": len(pairs), "seconds": seconds}

    def cut(count: int) -> list[SweepPair]:
        return [SweepPair(p.source, p.prompt, p.noise_ratios[:count], p.seed) for p in job.pairs]

    counts = [count for count in _COUNTS if count <= len(job.pairs)]
    ratios = range(1, len(job.pairs[0].noise_ratios) + 1)
    return {
        "pairs": [timed("pairs", n, job.pairs[:n], batch_size) for n in counts],
        "noise_ratios": [timed("noise_ratios", n, cut(n), batch_size) for n in ratios],
        "batch_size": [timed("batch_size", n, job.pairs, n) for n in _BATCH_SIZES],
    }


def plot_growth(growth: Growth, baseline: float, path: Path) -> None:
    """Draw seconds per pair against pairs, noise ratios and batch size.

    Args:
        growth: As `measure_growth` returns it.
        baseline: Seconds per pair of the path that makes one image at a time.
        path: A png file.
    """
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    panels = figure.subplots(1, len(growth), sharey=True)
    for axes, (name, points) in zip(panels, growth.items(), strict=True):
        per_pair = [point["seconds"] / point["pairs_made"] for point in points]
        axes.plot([point[name] for point in points], per_pair, "o-", label="sweep")
        if name != "noise_ratios":
            axes.axhline(baseline, color="0.5", linestyle="--", label="one image at a time")
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(_LABELS[name])
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("seconds per pair")
    panels[0].legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
