"""Which images an episode's generated images are made from, and what they shall show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .episodes import Episode, Integers


@dataclass(frozen=True)
class Pairs:
    """The G pairs of an episode, (N - 1) K for each of its classes.

    Attributes:
        sources: Rows of the pool, ``(G,)`` int64.
        targets: Positions in the episode's classes, ``(G,)`` int64.
        classes: The targets as classes of the pool, ``(G,)`` int64.
    """

    sources: Integers
    targets: Integers
    classes: Integers


def cross_class_pairs(episode: Episode) -> Pairs:
    """List GeNIe's pairs: every support image towards every other class."""
    rows, labels = episode.support_rows, episode.support_labels
    sources = np.concatenate([rows[labels != target] for target in range(episode.n_way)])
    targets = np.arange(episode.n_way).repeat(len(rows) - episode.k_shot)
    return Pairs(sources, targets, np.array(episode.classes)[targets])


def same_class_pairs(episode: Episode) -> Pairs:
    """List the pairs of image to image: every support image N - 1 times within its own class."""
    copies = episode.n_way - 1
    targets = episode.support_labels.repeat(copies)
    classes = np.array(episode.classes)[targets]
    return Pairs(episode.support_rows.repeat(copies), targets, classes)


def inverted_pairs(name: str, episode: Episode) -> Pairs:
    """List the pairs of an arm of `INVERTED`, in the order of its images."""
    return cross_class_pairs(episode) if name == "genie+txtinv" else same_class_pairs(episode)
