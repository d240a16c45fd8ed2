"""Embeddings on their way from a source to the target's centroid (figures 5, A5 and A7)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .material import Floats, Integers, Material, SweptBank
from .sheets import CHOSEN, SOURCE, Drawn

_SHOWN = 7  # sources with a panel of their own; the last panel has all


def trajectories(material: Material) -> Drawn:
    """Draw the trajectories of one class to another, each for itself and all together."""
    bank, (source, target) = material.bank, material.line()
    pairs = bank.between(source, target)
    figure = Figure(figsize=(12, 6), layout="constrained")
    panels = figure.subplots(2, 4).ravel()
    explained = []
    for axes, pair in zip(panels, pairs[:_SHOWN], strict=False):
        explained.append(_draw(axes, bank, np.array([pair]), target))
        axes.set_title(f"r* = {bank.noise_ratios[bank.chosen[pair]]:g}", fontsize=8)
    for axes in panels[len(pairs[:_SHOWN]) : -1]:
        axes.set_visible(False)
    together = _draw(panels[-1], bank, pairs, target)
    panels[-1].set_title(f"all {len(pairs)}", fontsize=8)
    names = bank.class_names
    title = f"{names[source]} → {names[target]}: ★ source, numbers r, ✕ centroid of the target"
    figure.suptitle(title, fontsize=9, parse_math=False)
    numbers = {
        "source": names[source],
        "target": names[target],
        "pairs": len(pairs),
        "variance_explained": explained,
        "variance_explained_together": together,
        **steps(bank),
    }
    return Drawn(figure, numbers)


def _draw(axes: Axes, bank: SweptBank, pairs: Integers, target: int) -> float:
    """Draw some pairs of one target in their own plane; return the variance that it shows."""
    starts = bank.source_embeddings[bank.sources[pairs]]
    ways = np.concatenate([starts[:, None], bank.embeddings[pairs]], axis=1)  # (P, 1 + R, D)
    points = np.concatenate([ways.reshape(-1, ways.shape[-1]), bank.centroids[[target]]])
    flat, explained = plane(points)
    lines = flat[:-1].reshape(*ways.shape[:2], 2)
    alone = len(pairs) == 1
    for line in lines:
        axes.plot(*line.T, color="0.7", linewidth=1 if alone else 0.5, zorder=1)
        axes.scatter(line[1:, 0], line[1:, 1], c=bank.noise_ratios, cmap="viridis", s=22, zorder=2)
        axes.plot(*line[0], "*", color=SOURCE, markersize=12, zorder=3)
        if alone:
            for ratio, place in zip(bank.noise_ratios, line[1:], strict=True):
                axes.annotate(f"{ratio:g}", place, fontsize=6, xytext=(3, 3),
                              textcoords="offset points")  # fmt: skip
    axes.plot(*flat[-1], "X", color=CHOSEN, markersize=10, zorder=3)
    axes.set_xticks([])
    axes.set_yticks([])
    return explained


def plane(points: Floats) -> tuple[Floats, float]:
    """Project points on their two principal axes.

    Args:
        points: ``(N, D)``, the first the source, the last the target's centroid.

    Returns:
        ``(N, 2)`` float64, with the last point right of the first and the point farthest from the
        first axis above it, for signs of principal axes mean nothing; and the share of the
        variance that the plane shows, in [0, 1].
    """
    centred = points - points.mean(0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    flat: Floats = centred @ axes[:2].T
    if flat.shape[1] < 2:
        flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    farthest = flat[np.abs(flat[:, 1]).argmax(), 1]
    flat *= np.where([flat[-1, 0] < flat[0, 0], farthest < 0], -1.0, 1.0)
    total = float((lengths**2).sum())
    return flat, float((lengths[:2] ** 2).sum() / total) if total else 1.0


def steps(bank: SweptBank) -> dict[str, Any]:
    """Return how far embeddings move from one noise ratio to the next, over all pairs.

    Returns:
        `mean_step`: the mean distance to r_1 from the source, to r_2 from r_1, …; `longest_step`:
        the share of pairs whose longest one leads to each r; both for the R noise ratios.
    """
    starts = bank.source_embeddings[bank.sources]
    ways = np.concatenate([starts[:, None], bank.embeddings], axis=1)
    moved = np.linalg.norm(np.diff(ways, axis=1), axis=-1)
    longest = np.bincount(moved.argmax(1), minlength=len(bank.noise_ratios))
    return {
        "noise_ratios": list(bank.noise_ratios),
        "mean_step": moved.mean(0).tolist(),
        "longest_step": (longest / len(bank)).tolist(),
    }
