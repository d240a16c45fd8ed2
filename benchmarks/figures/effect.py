"""The effect of r (figures 2 and A9): from source to target, at an r of each pair's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from .material import Floats, Made, Material, SweptBank, spread
from .sheets import CHOSEN, SOURCE, Drawn, SheetRow, sheet

_SOURCES = 4


def effect_sheet(material: Material) -> Drawn:
    """Draw the sweeps of some sources, towards two targets each, X_{r*} framed."""
    bank = material.bank
    sources = np.unique(bank.sources)
    pairs = [
        int(pair)
        for place in spread(len(sources), _SOURCES)
        for pair in np.flatnonzero(bank.sources == sources[place])[:2]
    ]
    return Drawn(sheet([_row(bank, pair) for pair in pairs]), has_images=True)


def _row(bank: SweptBank, pair: int) -> SheetRow:
    name = bank.class_names[bank.source_labels[bank.sources[pair]]]
    captions = [name, *(f"r = {r:g}" for r in bank.noise_ratios)]
    framed = 1 + int(bank.chosen[pair])
    captions[framed] = f"r* = {bank.noise_ratios[framed - 1]:g}"
    label = f"→ {bank.class_names[bank.targets[pair]]}"
    return SheetRow([bank.source(pair), *bank.sweep(pair)], captions, label, [framed])


def effect_curves(material: Material) -> Drawn:
    """Draw d_r of all pairs, where each jumps most, and what is seen at each r."""
    bank = material.bank
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    ratios = np.array(bank.noise_ratios)
    left.plot(ratios, bank.projections.T, color="0.7", linewidth=0.5, alpha=0.4)
    mean = bank.projections.mean(0)
    left.plot(ratios, mean, "o-", color=CHOSEN, label="mean of all pairs")
    left.set(xlabel="noise ratio r", ylabel="d (0: source, 1: target's centroid)")
    left.legend(fontsize=8)
    jumps = largest_jumps(bank.projections)
    counts = np.bincount(jumps, minlength=len(ratios))
    middle.bar(ratios, 100 * counts / len(bank), width=0.08, color=SOURCE)
    middle.set(xlabel="r after the largest jump of d", ylabel="pairs, %")
    shares = seen_shares(material)
    for key, colour in (("target", CHOSEN), ("source", SOURCE)):
        right.plot(ratios, [100 * v for v in shares[key]], "o-", color=colour, label=key)
    right.set(xlabel="noise ratio r", ylabel=f"{shares['judge']} says, %", ylim=(0, 100))
    right.legend(fontsize=8)
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
    chosen = np.bincount(bank.chosen, minlength=len(ratios))
    numbers = {
        "pairs": len(bank),
        "noise_ratios": list(bank.noise_ratios),
        "mean_projection": mean.tolist(),
        "std_projection": bank.projections.std(0).tolist(),
        "largest_jump_before": (counts / len(bank)).tolist(),
        "r_star": (chosen / len(bank)).tolist(),
        **shares,
    }
    return Drawn(figure, numbers)


def largest_jumps(projections: Floats) -> np.ndarray:
    """Return the place right after the largest jump, ``(P,)`` int64, the source counted.

    Args:
        projections: d_r, ``(P, R)``; in front of them lies the source, d = 0.
    """
    jumps: np.ndarray = np.abs(np.diff(projections, axis=1, prepend=0.0)).argmax(1)
    return jumps


def seen_shares(material: Material) -> dict[str, Any]:
    """Return the share of pairs that show target and source at each r, ``(R,)`` in [0, 1] each.

    By the oracle; by the nearest centroid of the bank's backbone where there is none.
    """
    bank = material.bank
    names = np.array(bank.class_names)
    target, source = names[bank.targets], names[bank.source_labels[bank.sources]]
    if isinstance(material, Made):
        images = torch.stack([bank.sweep(pair) for pair in range(len(bank))])
        seen, judge = material.seen(images), "oracle"
    else:
        centroids = bank.centroids / np.linalg.norm(bank.centroids, axis=1, keepdims=True)
        seen, judge = names[(bank.embeddings @ centroids.T).argmax(-1)], "nearest centroid"
    rows = np.arange(len(bank))
    return {
        "judge": judge,
        "target": (seen == target[:, None]).mean(0).tolist(),
        "source": (seen == source[:, None]).mean(0).tolist(),
        "target_at_r_star": float((seen[rows, bank.chosen] == target).mean()),
        "source_at_r_star": float((seen[rows, bank.chosen] == source).mean()),
    }
