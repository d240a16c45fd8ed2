"""Figure 6 for every arm, of images in which the oracle sees what they shall show.

A wrong image is no hard one. Each panel is of one arm, on the same episodes and with the same SVM
as in `probabilities`. Arms that stay in a class, and real images, have no source class: P(source)
is then that of the classes which GeNIe's pairs of the episode lead from to the image's class, so
that all panels speak of the same pairs of classes. The SVM has learned from the very images that
Img2Img and GeNIe start from, which pulls the first to its own class and the second to the source's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.episodes import SAME_CLASS, Episode
from index.config import PAPER_NOISE_RATIOS
from index.embed import load_backbone

from .make import make_same_class
from .material import Floats, Integers, Made, Material, SweptBank
from .probabilities import augmentations, episodes_of, judge_of, overlap
from .sheets import CHOSEN, GRID, SOURCE, Drawn, density

_COLUMNS = 5
_NOBODY = -1


@dataclass(frozen=True, eq=False)
class ArmImages:
    """The M images of an arm.

    Attributes:
        embeddings: ``(M, D)`` float64.
        labels: The class that each shall show, ``(M,)`` int64.
        sources: The image of the bank that each was made from, ``(M,)`` int64; -1 of real images.
        accepted: The oracle sees its class, ``(M,)`` bool.
        of_pairs: The images are those of the bank's pairs, in their order.
    """

    embeddings: Floats
    labels: Integers
    sources: Integers
    accepted: npt.NDArray[np.bool_]
    of_pairs: bool


def arms_of(made: Made) -> dict[str, ArmImages]:
    """Return the images of each arm: real ones, Img2Img, Txt2Img, GeNIe at each r, and Ada."""
    bank, learned, names = made.bank, made.data.learned, list(made.bank.class_names)
    labels = np.array([names.index(name) for name in made.data.class_names])
    labels = labels.repeat(learned.shape[1])
    arms = {"real": _in_class(made, learned.flatten(0, 1), labels, np.full(len(labels), _NOBODY))}
    rows = dict(zip(bank.source_ids, bank.sources.tolist(), strict=True))
    for name in ("img2img-low", "img2img-high"):
        again = make_same_class(made, SAME_CLASS[name])
        sources = np.array([rows[key] for key in again])
        images = torch.stack([*again.values()])
        arms[name] = _in_class(made, images, bank.source_labels[sources], sources)
    seen = made.seen(torch.stack([bank.sweep(pair) for pair in range(len(bank))]))
    accepted = seen == np.array(names)[bank.targets][:, None]
    pairs = np.arange(len(bank))
    places = {"txt2img": np.full(len(bank), bank.place(1.0))}
    for place, ratio in enumerate(bank.noise_ratios):
        if ratio in PAPER_NOISE_RATIOS:
            places[f"genie-{ratio:g}"] = np.full(len(bank), place)
    for name, at in {**places, "genie-ada": bank.chosen}.items():
        embeddings, right = bank.embeddings[pairs, at], accepted[pairs, at]
        arms[name] = ArmImages(embeddings, bank.targets, bank.sources, right, of_pairs=True)
    return arms


def _in_class(made: Made, images: Tensor, labels: Integers, sources: Integers) -> ArmImages:
    """Return images ``(M, 3, H, W)`` uint8 that show a class and have no source of another one."""
    embeddings = load_backbone(made.data.backbone)(images).astype(np.float64)
    accepted = made.seen(images) == np.array(made.bank.class_names)[labels]
    return ArmImages(embeddings, labels, sources, accepted, of_pairs=False)


def images_of(
    arm: ArmImages, bank: SweptBank, episode: Episode, pairs: Integers
) -> tuple[Integers, Integers]:
    """Return an arm's images of an episode's pairs, and the source class of each one's pair.

    Args:
        arm: The arm.
        bank: The pairs.
        episode: What is made from images outside its support is not in it.
        pairs: Those of the episode.

    Returns:
        Rows of the arm, ``(I,)`` int64, an image once for each pair that leads to its class; and
        classes, ``(I,)`` int64. Only images that the oracle accepts.
    """
    others = bank.source_labels[bank.sources[pairs]]
    if arm.of_pairs:
        kept = arm.accepted[pairs]
        return pairs[kept], others[kept]
    own = arm.accepted & np.isin(arm.sources, [_NOBODY, *episode.support_rows])
    of_pairs = [np.flatnonzero(own & (arm.labels == target)) for target in bank.targets[pairs]]
    return np.concatenate(of_pairs), others.repeat([*map(len, of_pairs)])


def probabilities_of_arms(material: Material, arms: dict[str, ArmImages]) -> dict[str, Floats]:
    """Average what each episode's SVM says of the images of each arm.

    Args:
        material: The pairs and the settings.
        arms: The images by arm.

    Returns:
        By arm, ``(E, 4)`` float64: P(source), P(target), and the share of images with P(source)
        above P(target), NaN where the oracle accepts no image of an episode; and how many it does.
    """
    found: dict[str, list[list[float]]] = {name: [] for name in arms}
    for episode in episodes_of(material):
        pairs = augmentations(material.bank, episode)
        if not len(pairs):
            continue
        judge, classes = judge_of(material, episode), np.array(episode.classes)
        for name, arm in arms.items():
            rows, others = images_of(arm, material.bank, episode, pairs)
            if not len(rows):
                found[name].append([np.nan, np.nan, np.nan, 0])
                continue
            said = judge.predict_proba(arm.embeddings[rows])
            source, target = (
                said[np.arange(len(rows)), (labels[:, None] == classes).argmax(1)]
                for labels in (others, arm.labels[rows])
            )
            means = [float(values.mean()) for values in (source, target, source > target)]
            found[name].append([*means, len(rows)])
    return {name: np.array(values, dtype=np.float64) for name, values in found.items()}


def arms_probabilities(made: Made) -> Drawn:
    """Draw the densities of P(source) and P(target) over episodes, a panel for each arm."""
    arms = arms_of(made)
    found = probabilities_of_arms(made, arms)
    lines = -(-len(arms) // _COLUMNS)
    figure = Figure(figsize=(2.1 * _COLUMNS, 2.3 * lines), layout="constrained")
    panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    numbers: dict[str, Any] = {}
    for axes, (name, values) in zip(panels, found.items(), strict=False):
        shown, accepted = values[values[:, 3] > 0], float(arms[name].accepted.mean())
        numbers[name] = {"accepted": accepted, "episodes": len(shown)}
        axes.set_title(f"{name}, {100 * accepted:.0f} % right", fontsize=8)
        axes.set(xlim=(0, 1), yticks=[], xlabel="probability")
        if not len(shown):
            continue
        source, target, ahead, images = shown.T
        numbers[name] |= {
            "images": float(images.mean()),
            "source": float(source.mean()),
            "target": float(target.mean()),
            "source_ahead": float(ahead.mean()),
            "overlap": overlap(
                density(axes, source, GRID, SOURCE, "P(source)"),
                density(axes, target, GRID, CHOSEN, "P(target)"),
                GRID,
            ),
        }
    for axes in panels[len(arms) :]:
        axes.set_visible(False)
    panels[0].set_ylabel("density over episodes")
    panels[0].legend(fontsize=7)
    return Drawn(figure, numbers)
