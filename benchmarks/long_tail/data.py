"""The long-tailed training set of a seed, the test set, and what is left of the pool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.datasets import (
    LabelledSet,
    long_tailed_rows,
    open_splits,
    read_learned,
    rows_of_half,
    spoken,
)
from benchmarks.training import GroupRule
from genie_transforms import MissingFileError, UserError
from index.demo import NOVEL_CLASSES, Scenes
from index.sources import ClassName, class_names_for, is_wordnet_id

from .config import LongTailConfig

Integers = npt.NDArray[np.int64]

_DEMO_TRAIN, _DEMO_TEST = (200, 2**17), (40, 2**17 + 1)
"""Scenes of each class, and a seed apart from those of the demo's training."""


@dataclass(frozen=True)
class LongTail:
    """What a seed trains and tests on.

    Attributes:
        pool: The training images that there are.
        rows: Those of the training set, ascending int64.
        generator_rows: Those that the generator learned from, for the control arm.
        test: The test images, with the same classes.
        rule: How classes are grouped.
    """

    pool: LabelledSet
    rows: Integers
    generator_rows: Integers
    test: LabelledSet
    rule: GroupRule

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.pool.classes)

    @property
    def labels(self) -> Integers:
        """Labels of the training set, in the order of `rows`."""
        return self.pool.labels[self.rows]

    @cached_property
    def counts(self) -> Integers:
        """Training images of each class, ``(C,)`` int64."""
        return np.bincount(self.labels, minlength=self.num_classes).astype(np.int64)

    @property
    def few(self) -> Integers:
        """The Few classes."""
        return np.flatnonzero(self.rule.groups(self.counts) == 0)

    @property
    def training_set(self) -> LabelledSet:
        """The training set alone, as the builder takes it."""
        return subset(self.pool, self.rows)


def subset(data: LabelledSet, rows: Integers) -> LabelledSet:
    """Return some images of a dataset."""
    return replace(
        data,
        targets=[data.targets[row] for row in rows],
        images=[data.images[row] for row in rows],
    )


def open_pool(config: LongTailConfig) -> tuple[LabelledSet, LabelledSet]:
    """Open training pool and test set; see `LongTailConfig.data`.

    Raises:
        UserError: They have other classes, or are the same images; or classes are called by
            WordNet ids that are not ImageNet's, in which no prompt could be written.
        MissingFileError: Something is not there.
    """
    if config.data == "demo":
        return _scenes(*_DEMO_TRAIN), _scenes(*_DEMO_TEST)
    if config.train_list and config.test_list:
        pool = read_list(config.train_list, config.root)
        test = read_list(config.test_list, config.root, pool.classes)
    else:
        pool, test = open_splits(config.data, config.root)
    if pool.classes != test.classes:
        other = sorted(set(pool.classes) ^ set(test.classes))
        raise UserError(f"training and test images have other classes, such as {other[:3]}")
    if config.class_names:
        pool = replace(pool, names=class_names_for(config.class_names, pool.classes))
    elif any(is_wordnet_id(name.display) for name in pool.names):
        pool = replace(pool, names=[ClassName(words) for words in spoken(pool.classes)])
    return pool, test


def read_list(path: Path, root: Path, classes: list[str] | None = None) -> LabelledSet:
    """Read a list as ImageNet-LT has it: lines of an image below the root and its label.

    Args:
        path: The list.
        root: What its images are below.
        classes: Names of the classes in the order of the labels; if not given, a class is called
            like the folder of its images. Given ones do for test images that lie in one folder.

    Raises:
        MissingFileError: The list, or its first image, is not there.
        UserError: A line is of another form, labels leave one out, two classes have folders of
            one name, or folders and labels disagree.
    """
    if not path.is_file():
        raise MissingFileError(f"no list at {path}")
    files, labels, folders = [], [], dict[int, str]()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        name, _, label = line.strip().rpartition(" ")
        if not name or not label.isdecimal():
            raise UserError(f"{path}, line {number}: expected `image label`, got {line!r}")
        folder = Path(name).parent.name
        if classes and int(label) < len(classes):
            if folder in classes and folder != classes[int(label)]:
                raise UserError(
                    f"{path}, line {number}: {folder} has label {classes.index(folder)} among the "
                    f"training images, not {label}"
                )
            folder = classes[int(label)]
        if folders.setdefault(int(label), folder) != folder:
            raise UserError(f"{path}, line {number}: {folders[int(label)]} has label {label}, too")
        files.append(root / name)
        labels.append(int(label))
    if not files or not files[0].is_file():
        raise MissingFileError(f"the first image of {path} is not below {root}: give its --root")
    if sorted(folders) != list(range(len(folders))):
        raise UserError(f"{path} has labels {sorted(folders)[:5]} …: they must be 0 to C - 1")
    found = [folders[label] for label in range(len(folders))]
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise UserError(f"{path}: folders {twice[:3]} have several labels, but name their classes")
    return LabelledSet(found, labels, files, [ClassName(name) for name in found])


def _scenes(per_class: int, seed: int) -> LabelledSet:
    """Return scenes of the demo's novel classes, which its backbone has never seen."""
    scenes = Scenes(per_class, sorted(NOVEL_CLASSES), seed)
    images = list(scenes.pixels(slice(None)).permute(0, 2, 3, 1).numpy())
    names = [ClassName(name) for name in scenes.classes]
    return LabelledSet(scenes.classes, scenes.targets, images, names)


def open_long_tail(
    config: LongTailConfig, pool: LabelledSet, test: LabelledSet, seed: int
) -> LongTail:
    """Return what a seed trains and tests on."""
    candidates = rows_of_half(pool, config.drawn_half)
    others = _learned_rows(config, pool, seed)
    if not config.largest:
        return LongTail(pool, candidates, others, test, config.group_rule)
    rows = long_tailed_rows(pool, candidates, config.largest, config.imbalance, seed)
    # The demo's generator saw scenes of the same kind: unused ones stand for them.
    unseen = np.setdiff1d(np.arange(len(pool)), rows) if config.data == "demo" else others
    return LongTail(pool, rows, unseen, test, config.group_rule)


def _learned_rows(config: LongTailConfig, pool: LabelledSet, seed: int) -> Integers:
    """Return the generator's half, or those of it that the generator says it learned from."""
    if config.drawn_half == "whole":
        return np.zeros(0, dtype=np.int64)
    rows = rows_of_half(pool, "generator")
    learned = read_learned(config.model_of(seed))
    return rows if learned is None else rows[np.isin(pool.digests[rows], learned)]
