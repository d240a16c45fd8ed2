"""There and back (figure A6): source → target at r_1, and → the source's class again at r_2."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.measure import without_nan
from index.config import PAPER_NOISE_RATIOS, BuildConfig
from index.diffusion.sampling import SweepPair
from index.embed import load_backbone
from index.sources import make_prompts

from .make import make_prompted, seed_of
from .material import Floats, Integers, Made
from .sheets import CHOSEN, SOURCE, Drawn, SheetRow, sheet
from .trajectories import plane

THERE = (0.5, 0.7, 0.9)


def two_way(made: Made) -> tuple[Drawn, Drawn]:
    """Draw one source there and back, and where all sources of its class come out."""
    bank, (source, target) = made.bank, made.line()
    pairs = bank.between(source, target)
    there = torch.stack([bank.sweep(int(p))[[bank.place(r) for r in THERE]] for p in pairs])
    back = returned(made, there, source)
    embedded = load_backbone(made.data.backbone)(back.flatten(0, 2)).astype(np.float64)
    embedded = embedded.reshape(*back.shape[:3], -1)
    numbers = nearness(made, pairs, back, embedded)
    rows = []
    for place, ratio in enumerate(THERE):
        images = [bank.source(int(pairs[0])), there[0, place], *back[0, place]]
        captions = [
            *(bank.class_names[source], f"{bank.class_names[target]}, r = {ratio:g}"),
            *(f"back, r = {r:g}" for r in PAPER_NOISE_RATIOS),
        ]
        rows.append(SheetRow(images, captions, f"r = {ratio:g}"))
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_plane(left, made, pairs, embedded)
    for ratio, line in zip(THERE, numbers["cosine_to_source"], strict=True):
        right.plot(PAPER_NOISE_RATIOS, line, "o-", label=f"there at r = {ratio:g}")
    right.set(xlabel="r of the way back", ylabel="cosine to the original source")
    right.grid(alpha=0.3)
    right.legend(fontsize=8)
    return Drawn(sheet(rows), has_images=True), Drawn(figure, numbers)


def returned(made: Made, there: Tensor, label: int) -> Tensor:
    """Lead generated images ``(P, T, 3, H, W)`` to a class: ``(P, T, R, 3, H, W)`` uint8."""
    flat, name = there.flatten(0, 1), made.bank.class_names[label]
    prompt = make_prompts(BuildConfig.prompt, made.bank.class_names)[label]
    pairs = [
        SweepPair(place, prompt, PAPER_NOISE_RATIOS, seed_of(image, name))
        for place, image in enumerate(flat)
    ]
    back = make_prompted(made, "two-way", flat, pairs)
    return back.reshape(*there.shape[:2], *back.shape[1:])


def nearness(made: Made, pairs: Integers, back: Tensor, embedded: Floats) -> dict[str, Any]:
    """Return how near what came back is to its source, by r there (rows) and back (columns).

    Args:
        made: Has the oracle.
        pairs: The pairs, ``(P,)``.
        back: What came back, ``(P, T, R, 3, H, W)`` uint8.
        embedded: Its embeddings, ``(P, T, R, D)`` of unit norm.
    """
    bank = made.bank
    sources = bank.sources[pairs]
    cosines = (embedded * bank.source_embeddings[sources][:, None, None]).sum(-1)
    names = np.array(bank.class_names)[bank.source_labels[sources]]
    support = {name: row for row, name in enumerate(made.data.support_ids)}
    rows = np.array([support[bank.source_ids[pair]] for pair in pairs])
    psnr = made.data.background_psnr(back.flatten(1, 2), rows).reshape(cosines.shape)
    return {
        "sources": len(pairs),
        "there": list(THERE),
        "back": list(PAPER_NOISE_RATIOS),
        "cosine_to_source": cosines.mean(0).tolist(),
        "oracle_sees_source_class": (made.seen(back) == names[:, None, None]).mean(0).tolist(),
        "background_psnr_db": without_nan(psnr.mean(0).tolist()),
    }


def _draw_plane(axes: Axes, made: Made, pairs: Integers, embedded: Floats) -> None:
    """Draw sources, the centroid of the target and what came back, in one plane."""
    bank = made.bank
    starts = bank.source_embeddings[bank.sources[pairs]]
    ends = bank.centroids[[bank.targets[pairs[0]]]]
    flat, _ = plane(np.concatenate([starts, embedded.reshape(-1, embedded.shape[-1]), ends]))
    places = flat[len(starts) : -1].reshape(*embedded.shape[:3], 2)
    for place, ratio in enumerate(THERE):
        own = places[:, place].reshape(-1, 2)
        axes.scatter(
            own[:, 0],
            own[:, 1],
            s=12,
            alpha=0.7,
            linewidth=0,
            label=f"back, there at r = {ratio:g}",
        )
    axes.plot(*flat[: len(starts)].T, "*", color=SOURCE, markersize=11, label="sources")
    axes.plot(*flat[-1], "X", color=CHOSEN, markersize=10, label="centroid of the target")
    axes.set(xticks=[], yticks=[])
    axes.legend(fontsize=7)
