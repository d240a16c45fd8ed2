"""The bank that is filtered: built as a user would, judged by an oracle, embedded for the heads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets import open_dataset
from benchmarks.episodes import Episode, LabelledFeatures, PoolConfig, common_build, few_shot_set
from genie_transforms import Bank, UserError
from genie_transforms.format import planes_of
from index.build import build
from index.config import BuildConfig
from index.embed import load_backbone
from index.judge import Judge, class_groups, demo_judge, judge_bank

from .config import BANKS, FiltersConfig

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

JUDGE = "oracle"
"""Name of the oracle's columns."""


@dataclass(frozen=True)
class FilteredBank:
    """Real images, and N negatives that were made from those of the support.

    Attributes:
        folder: The bank.
        labels: Of the real images, support first, ``(P,)``.
        num_support: How many of them are support.
        embeddings: Of the real images, ``(P, D)`` float32, unit norm.
        features: Of the negatives, ``(N, D)`` float32, unit norm.
        sources: Row of the real image that each was made from, ``(N,)``.
        targets: Its label, ``(N,)``.
        right: The oracle sees the target, ``(N,)``.
    """

    folder: Path
    labels: Integers
    num_support: int
    embeddings: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]
    sources: Integers
    targets: Integers
    right: Mask

    @property
    def digest(self) -> str:
        """Key of what heads see, which results are cached under."""
        parts = (self.embeddings, self.features, self.sources, self.targets)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()

    def mask(self, keep: str | None) -> Mask:
        """Return the rows that `Bank.open` keeps, ``(N,)``: by its own filter, not by a second."""
        return np.isin(_pairs(self.folder, None), _pairs(self.folder, keep))

    def learn_from(self, episode: Episode, rows: Integers) -> LabelledFeatures:
        """Return an episode's support and some negatives, as a head learns from them.

        Every class has the same weight, as with `GeNIeTransform(replace="target")`, which does not
        change how often a class comes: else a filter that drops more of one class than of another
        would be measured by that.
        """
        episode.check_sources(self.sources[rows])
        places = [episode.classes.index(label) for label in self.targets[rows].tolist()]
        labels = np.concatenate([episode.support_labels, np.array(places, dtype=np.int64)])
        features = np.concatenate([self.embeddings[episode.support_rows], self.features[rows]])
        weights = len(labels) / episode.n_way / np.bincount(labels)[labels]
        return LabelledFeatures(features, labels, weights)

    def rows_of(self, episode: Episode, mask: Mask) -> Integers:
        """Return a mask's negatives that were made from an episode's support for its classes."""
        own = np.isin(self.sources, episode.support_rows) & np.isin(self.targets, episode.classes)
        return np.flatnonzero(own & mask)


def make_bank(config: FiltersConfig, name: str) -> FilteredBank:
    """Build a bank, or read what is there; its oracle's columns are written beside it.

    Raises:
        UserError: A pair gave no image.
    """
    pool = PoolConfig(
        work=config.work,
        per_class=config.per_class,
        queries_per_class=max(40, config.n_query),
        num_inference_steps=config.num_inference_steps,
        data=config.data,
    )
    data = few_shot_set(pool)
    data.write_support(config.work / "support")
    folder = build(BuildConfig(out=config.work / name, **BANKS[name], **common_build(pool)))
    judge = _oracle(config, data.images.shape[-1])
    judge_bank(folder, JUDGE, judge, class_groups(judge.classes, data.class_names))
    bank, backbone = Bank.open(folder, keep=None), load_backbone(data.backbone)
    wanted = data.num_support * (len(data.class_names) - 1)
    if len(bank) != wanted:
        raise UserError(f"{folder} has {len(bank)} of {wanted} pairs; see {folder / 'stats'}")
    images = torch.stack([planes_of(row.image()) for row in bank])
    places = {name: place for place, name in enumerate(data.support_ids)}
    return FilteredBank(
        folder=folder,
        labels=data.labels,
        num_support=data.num_support,
        embeddings=backbone(data.images),
        features=backbone(images),
        sources=np.array([places[row.source_id] for row in bank], dtype=np.int64),
        targets=np.array(bank.labels),
        right=bank.column(f"{JUDGE}_class") == bank.labels,
    )


def _oracle(config: FiltersConfig, size: int) -> Judge:
    choice = config.data
    if choice.is_demo or choice.root is None or choice.trained is None:
        return demo_judge()
    classes: Sequence[str] = open_dataset(choice.name, choice.root, "test").classes
    return demo_judge(choice.trained / "oracle.safetensors", classes, size=size)


def _pairs(folder: Path, keep: str | None) -> npt.NDArray[np.str_]:
    """Return what no two rows of such a bank share: their source and their target."""
    bank = Bank.open(folder, keep=keep)
    ids = bank.column("source_id").astype(np.str_)
    return np.char.add(np.char.add(ids, " "), bank.labels.astype(np.str_))
