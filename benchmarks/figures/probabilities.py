"""What an episode's SVM says of its augmentations (figures 6, A1 and A2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from benchmarks.episodes import Drawing, Episode, draw
from genie_transforms import UserError
from index.config import PAPER_NOISE_RATIOS

from .material import Floats, Integers, Material, SweptBank
from .sheets import CHOSEN, GRID, SOURCE, Drawn, density


def episodes_of(material: Material) -> list[Episode]:
    """Draw episodes from the images of the bank: what is not support is query."""
    config, labels = material.config, material.bank.source_labels
    rows = np.arange(len(labels))
    drawing = Drawing(config.episodes, config.n_way, config.k_shot, 0, config.seed)
    return draw(labels, drawing, support_pool=rows, query_pool=rows)


def augmentations(bank: SweptBank, episode: Episode) -> Integers:
    """Return the pairs of an episode: from its support to its other classes, ``(G,)`` int64."""
    own = np.isin(bank.sources, episode.support_rows)
    return np.flatnonzero(own & np.isin(bank.targets, episode.classes))


def judge_of(material: Material, episode: Episode) -> Any:
    """Return an episode's SVM, trained on its support, whose probabilities are of its classes.

    An SVM gives no probabilities: they are Platt's, a logistic curve for each class over the
    margins of support images that were left out in turn, as scikit-learn has it.
    """
    config = material.config
    folds = StratifiedKFold(config.k_shot, shuffle=True, random_state=config.seed)
    svm = LinearSVC(C=1.0, dual=False, max_iter=10_000)
    judge = CalibratedClassifierCV(svm, cv=folds, ensemble=False)
    support = material.bank.source_embeddings[episode.support_rows]
    return judge.fit(support, episode.support_labels)


def class_probabilities(material: Material) -> tuple[Floats, Floats]:
    """Average what each episode's SVM says of its augmentations, at each r and at r*.

    Returns:
        P(source) and P(target), each ``(E, R + 1)`` float64, the last one at r*.

    Raises:
        UserError: The bank has no pair of an episode.
    """
    bank, config = material.bank, material.config
    found = []
    for episode in episodes_of(material):
        pairs = augmentations(bank, episode)
        if not len(pairs):
            continue
        judge, swept = judge_of(material, episode), bank.embeddings[pairs]
        said = judge.predict_proba(swept.reshape(-1, swept.shape[-1]))
        said = said.reshape(*swept.shape[:2], episode.n_way)
        said = np.concatenate([said, said[np.arange(len(pairs)), bank.chosen[pairs]][:, None]], 1)
        classes = np.array(episode.classes)
        both = []
        for labels in (bank.source_labels[bank.sources[pairs]], bank.targets[pairs]):
            places = (labels[:, None] == classes).argmax(1)
            both.append(said[np.arange(len(pairs)), :, places].mean(0))
        found.append(both)
    if not found:
        raise UserError(
            f"no episode of {config.n_way} classes has a pair: the bank pairs too few classes"
        )
    source, target = np.array(found).transpose(1, 0, 2)
    return source, target


def overlap(first: Floats, second: Floats, points: Floats) -> float:
    """Return the area under both of two densities at evenly spaced points, in [0, 1]."""
    return float(np.trapezoid(np.minimum(first, second), points))


def probability_densities(material: Material) -> Drawn:
    """Draw the densities of P(source) and P(target) over episodes, a panel for each r."""
    bank, (source, target) = material.bank, class_probabilities(material)
    ratios = [place for place, r in enumerate(bank.noise_ratios) if r in PAPER_NOISE_RATIOS]
    shown = [*(ratios or range(len(bank.noise_ratios))), len(bank.noise_ratios)]
    figure = Figure(figsize=(2.1 * len(shown), 2.4), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    numbers: dict[str, Any] = {"episodes": len(source)}
    for axes, place in zip(panels, shown, strict=True):
        last = place == len(bank.noise_ratios)
        name = "r*" if last else f"{bank.noise_ratios[place]:g}"
        estimates = [
            density(axes, values[:, place], GRID, colour, label)
            for values, colour, label in (
                (source, SOURCE, "P(source)"),
                (target, CHOSEN, "P(target)"),
            )
        ]
        axes.set_title("GeNIe-Ada, r*" if last else f"GeNIe, r = {name}", fontsize=8)
        axes.set(xlim=(0, 1), yticks=[], xlabel="probability")
        numbers[name] = {
            "source": float(source[:, place].mean()),
            "target": float(target[:, place].mean()),
            "overlap": overlap(estimates[0], estimates[1], GRID),
        }
    panels[0].set_ylabel("density over episodes")
    panels[0].legend(fontsize=7)
    return Drawn(figure, numbers)
