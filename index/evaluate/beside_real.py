"""The same judge on real images: how often it is right there, and how hard those are.

That a classifier gives a negative's source a probability of 0.2 says little by itself: perhaps it
does so with real images of the target as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genie_transforms import Bank, UserError
from genie_transforms.format import Judgement, planes_of
from index.device import choose_device
from index.embed import Doubles, Integers
from index.judge import Judge, JudgeConfig, in_batches, open_judge, verdicts_of
from index.sources import BadImageError, Source, as_rgb, class_names_for, make_prompts

from .config import EvaluateConfig
from .judged import described, verdicts


def open_same_judge(config: EvaluateConfig, bank: Bank) -> Judge:
    """Open a judge, and make sure that it is the one that was asked about the bank.

    Raises:
        UserError: It is another one, by its weights, preprocessing or texts.
    """
    names = bank.class_names
    prompts = make_prompts(JudgeConfig.prompt, class_names_for("", names))
    device = choose_device(config.device)
    judge = open_judge(config.classifier, names, prompts, device=device)
    differing = judge.differs_in(Judgement.read(bank.path, config.judge).about)
    if differing:
        raise UserError(
            f"{config.judge} is what another judge than {config.classifier} said of {bank.path}: "
            f"they differ in {', '.join(differing)}"
        )
    return judge


@dataclass(frozen=True)
class RealImages:
    """Real images that a judge is asked about.

    Attributes:
        source: Where they are.
        numbers: For each of their classes its number in the bank.
        rows: Which of them.
    """

    source: Source
    numbers: Integers
    rows: Integers

    def planes(self, known: npt.NDArray[np.bool_]) -> Iterator[tuple[Tensor, int]]:
        """Yield those of known classes ``(3, H, W)`` uint8, and their class in the bank.

        They are upright, as negatives are, which were made from upright images. Those that cannot
        be read are left out: they were named when they were embedded.
        """
        for row in self.rows.tolist():
            label = int(self.numbers[self.source.labels[row]])
            if known[label]:
                try:
                    yield planes_of(as_rgb(self.source.image(row))), label
                except BadImageError:
                    continue


def real_hardness(
    judge: Judge, bank: Bank, name: str, images: RealImages, seed: int
) -> dict[str, Any]:
    """Return how a judge does on real images, with the measures of `judged.hardness`.

    A real image has no source. To compare like with like, it gets the source of a negative of its
    class that the judge called right, drawn at random.

    Args:
        judge: The judge.
        bank: The bank; rows that its filter keeps.
        name: The judge's name in the bank.
        images: The real images.
        seed: Of what is drawn.

    Returns:
        `rows` that were judged, `accuracy` on them; `compared`, those that it is right about and
        whose class has such negatives, and their `source_probability` and `margin`.
    """
    labels, probabilities, right = _asked(judge, _groups(bank, name, judge), images)
    said = verdicts(bank, name)
    usable = (said["class"] == bank.labels) & np.isfinite(said["source_probability"])
    rng = np.random.default_rng(seed)
    sources = np.full(len(labels), -1)
    for label in np.unique(bank.labels[usable]):
        mine = labels == label
        there = bank.source_labels[usable & (bank.labels == label)]
        sources[mine] = rng.choice(there, int(mine.sum()))
    kept = np.flatnonzero(right & (sources >= 0))
    target, other = probabilities[kept, labels[kept]], probabilities[kept, sources[kept]]
    return {
        "rows": len(labels),
        "accuracy": float(right.mean()) if len(labels) else None,
        "compared": len(kept),
        "source_probability": described(other),
        "margin": described(target - other),
    }


def _groups(bank: Bank, name: str, judge: Judge) -> npt.NDArray[np.bool_]:
    """Return which of the judge's classes are each of the bank's, as when it was asked."""
    mapping = Judgement.read(bank.path, name).about["classes"]
    groups = np.zeros((len(bank.class_names), len(judge.classes)), dtype=np.bool_)
    for row, class_name in enumerate(bank.class_names):
        groups[row, mapping[class_name]] = True
    return groups


def _asked(
    judge: Judge, groups: npt.NDArray[np.bool_], images: RealImages
) -> tuple[Integers, Doubles, npt.NDArray[np.bool_]]:
    """Return classes ``(N,)``, probabilities ``(N, B)`` and whether the judge is right ``(N,)``."""
    parts = [(np.zeros(0, np.int64), np.zeros((0, len(groups))), np.zeros(0, np.bool_))]
    known: npt.NDArray[np.bool_] = np.asarray(groups.any(1))
    for planes, labels in in_batches(images.planes(known), judge.batch_size):
        found = verdicts_of(judge, planes, groups)
        parts.append((labels, found.probabilities.astype(np.float64), found.classes == labels))
    classes, probabilities, right = zip(*parts, strict=True)
    return np.concatenate(classes), np.concatenate(probabilities), np.concatenate(right)
