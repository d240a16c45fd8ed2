"""The two ingredients of GeNIe (figure A4): the noise ratio, and a prompt that contradicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.measure import without_nan
from index.config import BuildConfig
from index.diffusion.sampling import SweepPair
from index.sources import make_prompts

from .make import make_prompted
from .material import Integers, Made, spread
from .sheets import CHOSEN, SOURCE, Drawn, SheetRow, sheet

PROMPTS = ("empty", "own", "contradictory")

_RATIOS = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0)
_PAIRS = 12
_SHEETS = 2


def ingredients(made: Made) -> tuple[Drawn, Drawn]:
    """Draw a few images of each prompt at each r, and what the oracle sees in many."""
    bank = made.bank
    pairs = np.array(spread(len(bank), 2 if made.config.quick else _PAIRS))
    images = prompted(made, pairs)
    rows = []
    for place in spread(len(pairs), _SHEETS):
        pair = int(pairs[place])
        source = bank.class_names[bank.source_labels[bank.sources[pair]]]
        for prompt, swept in zip(PROMPTS, images[place], strict=True):
            word = {"empty": "no prompt", "own": source}.get(
                prompt, bank.class_names[bank.targets[pair]]
            )
            captions = [source, *(f"r = {ratio:g}" for ratio in _RATIOS)]
            rows.append(SheetRow([bank.source(pair), *swept], captions, word))
    numbers = seen_by_prompt(made, pairs, images)
    return Drawn(sheet(rows), has_images=True), Drawn(_curves(numbers), numbers)


def prompted(made: Made, pairs: Integers) -> Tensor:
    """Make pairs with each of `PROMPTS`, with the same noise: ``(P, 3, R, 3, H, W)`` uint8."""
    bank = made.bank
    sources = torch.stack([bank.source(int(pair)) for pair in pairs])
    prompts, wanted = make_prompts(BuildConfig.prompt, bank.class_names), []
    for place, pair in enumerate(pairs.tolist()):
        own, target = bank.source_labels[bank.sources[pair]], bank.targets[pair]
        seed, texts = int(bank.seeds[pair]), ("", prompts[own], prompts[target])
        wanted += [SweepPair(place, text, _RATIOS, seed) for text in texts]
    images = make_prompted(made, "ingredients", sources, wanted)
    return images.reshape(len(pairs), len(PROMPTS), *images.shape[1:])


def seen_by_prompt(made: Made, pairs: Integers, images: Tensor) -> dict[str, Any]:
    """Return by prompt what the oracle sees at each r, and what is kept of the background.

    Args:
        made: Has the oracle.
        pairs: The pairs, ``(P,)``.
        images: ``(P, 3, R, 3, H, W)`` uint8.
    """
    bank, names = made.bank, np.array(made.bank.class_names)
    seen = made.seen(images)  # (P, 3, R)
    source = names[bank.source_labels[bank.sources[pairs]]]
    target = names[bank.targets[pairs]]
    support = {name: row for row, name in enumerate(made.data.support_ids)}
    rows = np.array([support[bank.source_ids[pair]] for pair in pairs])
    psnr = made.data.background_psnr(images.flatten(1, 2), rows).reshape(seen.shape)
    found: dict[str, Any] = {"pairs": len(pairs), "noise_ratios": list(_RATIOS)}
    for place, prompt in enumerate(PROMPTS):
        found[prompt] = {
            "source": (seen[:, place] == source[:, None]).mean(0).tolist(),
            "target": (seen[:, place] == target[:, None]).mean(0).tolist(),
            "background_psnr_db": without_nan(psnr[:, place].mean(0).tolist()),
        }
    return found


def _curves(numbers: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, prompt in zip(panels, PROMPTS, strict=True):
        for key, colour in (("source", SOURCE), ("target", CHOSEN)):
            shares = [100 * share for share in numbers[prompt][key]]
            axes.plot(numbers["noise_ratios"], shares, "o-", color=colour, label=key)
        axes.set_title(f"{prompt} prompt", fontsize=9)
        axes.set(xlabel="noise ratio r", ylim=(-3, 103))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("oracle sees, %")
    panels[0].legend(fontsize=8)
    return figure
