"""Arms side by side (figures 4 and A8): Img2Img, Txt2Img, GeNIe and GeNIe-Ada."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from index.embed import load_backbone

from .make import make_same_class
from .material import Integers, Made, spread
from .sheets import Drawn, SheetRow, sheet

_ROWS = 6
_LOW, _HIGH, _FIXED = 0.3, 0.7, 0.8  # the paper's


def arms_sheet(made: Made) -> Drawn:
    """Draw real images of a class beside what each arm makes of the class."""
    bank, names = made.bank, made.bank.class_names
    low, high = (make_same_class(made, ratio) for ratio in (_LOW, _HIGH))
    rows = []
    for label, target in pairs_of_targets(bank.targets, len(names)).items():
        # A pair whose source is a real image of the target class shows that image.
        own = int(np.flatnonzero(bank.source_labels[bank.sources] == label)[0])
        swept = bank.sweep(target)
        chosen = int(bank.chosen[target])
        name = bank.source_ids[own]
        source = names[bank.source_labels[bank.sources[target]]]
        images = [
            *(bank.source(own), low[name], high[name], swept[bank.place(1.0)]),
            *(bank.source(target), swept[bank.place(_FIXED)], swept[chosen]),
        ]
        captions = [
            *("real", f"Img2Img {_LOW:g}", f"Img2Img {_HIGH:g}", "Txt2Img"),
            *(source, f"GeNIe {_FIXED:g}", f"Ada {bank.noise_ratios[chosen]:g}"),
        ]
        rows.append(SheetRow(images, captions, names[label]))
    numbers = compare_arms(made, low, high)
    return Drawn(sheet(rows[:_ROWS]), numbers, has_images=True)


def pairs_of_targets(targets: Integers, num_classes: int) -> dict[int, int]:
    """Return one pair of each target, from other source classes in turn.

    A class that is among the nearest of no other one is no target.

    Args:
        targets: Class of each pair, ``(P,)`` int64.
        num_classes: C.
    """
    pairs = {}
    for label in np.unique(targets).tolist():
        own = np.flatnonzero(targets == label)
        places = spread(len(own), num_classes)
        pairs[label] = int(own[places[label % len(places)]])
    return pairs


def compare_arms(made: Made, low: dict[str, Tensor], high: dict[str, Tensor]) -> dict[str, Any]:
    """Return for each arm how often the oracle sees the label, and how near it is to its source.

    Nearness is the mean cosine of an image to the image that it was made from; that of Txt2Img,
    which is made from none, is to the source whose noise it shares.
    """
    bank = made.bank
    backbone = load_backbone(made.data.backbone)
    everything = np.arange(len(bank))
    swept = torch.stack([bank.sweep(pair) for pair in range(len(bank))])
    places = {
        "txt2img": np.full(len(bank), bank.place(1.0)),
        "genie": np.full(len(bank), bank.place(_FIXED)),
        "genie-ada": bank.chosen,
    }
    arms = {
        name: (swept[everything, place], bank.source_embeddings[bank.sources], bank.targets)
        for name, place in places.items()
    }
    rows = {name: row for row, name in zip(bank.sources.tolist(), bank.source_ids, strict=True)}
    for name, again in (("img2img-low", low), ("img2img-high", high)):
        own = np.array([rows[key] for key in again])
        images = torch.stack(list(again.values()))
        arms[name] = images, bank.source_embeddings[own], bank.source_labels[own]
    found = {}
    names = np.array(bank.class_names)
    for name, (images, sources, labels) in arms.items():
        cosines = (backbone(images).astype(np.float64) * sources).sum(1)
        found[name] = {
            "images": len(images),
            "oracle_sees_label": float((made.seen(images) == names[labels]).mean()),
            "cosine_to_source": float(cosines.mean()),
        }
    return found
