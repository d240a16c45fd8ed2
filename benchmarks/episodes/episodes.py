"""Episodes: N classes, K support and Q query images of each, from a fixed pool of images.

They are drawn once and kept as JSON, so that every arm, today and later, gets the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genie_transforms import FolderInUseError, UserError
from genie_transforms.format import atomic_write

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Episode:
    """One task. Images are rows of the pool; their labels are positions in `classes`.

    Attributes:
        classes: N classes of the pool.
        support: For each class its K support images.
        query: For each class its Q query images.

    Raises:
        ValueError: A class or image comes twice (so no image is both support and query), or
            classes have different numbers of support images.
    """

    classes: tuple[int, ...]
    support: tuple[tuple[int, ...], ...]
    query: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not len(self.classes) == len(self.support) == len(self.query) >= 2:
            raise ValueError(
                f"an episode needs support and query of each of at least 2 classes, got "
                f"{len(self.classes)} classes, {len(self.support)} and {len(self.query)}"
            )
        if len({len(rows) for rows in self.support}) != 1 or not self.support[0]:
            raise ValueError(f"every class needs equally many support images, got {self.support}")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"an episode's classes must differ, got {self.classes}")
        rows = [row for part in (*self.support, *self.query) for row in part]
        twice = sorted({row for row in rows if rows.count(row) > 1})
        if twice:
            raise ValueError(f"images {twice[:5]} come twice: support and query must be disjoint")

    @property
    def n_way(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def k_shot(self) -> int:
        """Support images of each class."""
        return len(self.support[0])

    @property
    def support_rows(self) -> Integers:
        """All support images, class by class, ``(N K,)`` int64."""
        return np.array(self.support, dtype=np.int64).ravel()

    @property
    def support_labels(self) -> Integers:
        """Their labels, ``(N K,)`` int64 in [0, N)."""
        return np.arange(self.n_way).repeat(self.k_shot)

    @property
    def query_rows(self) -> Integers:
        """All query images, class by class, ``(Q,)`` int64."""
        return np.concatenate([np.array(rows, dtype=np.int64) for rows in self.query])

    @property
    def query_labels(self) -> Integers:
        """Their labels, ``(Q,)`` int64 in [0, N)."""
        return np.arange(self.n_way).repeat([len(rows) for rows in self.query])

    def check_sources(self, rows: Integers) -> None:
        """Refuse generated images whose source is not a support image of this episode.

        Raises:
            ValueError: There is such a source.
        """
        foreign = np.setdiff1d(rows, self.support_rows)
        if len(foreign):
            raise ValueError(
                f"images {foreign[:5].tolist()} are sources but not in the episode's support: "
                "what is made from them would leak"
            )


@dataclass(frozen=True)
class Drawing:
    """How episodes are drawn.

    Attributes:
        num_episodes: How many.
        n_way: Classes of each, N.
        k_shot: Support images of a class, K.
        n_query: Query images of a class, Q; 0 for all that there are.
        seed: Seed of the draw.
    """

    num_episodes: int
    n_way: int = 5
    k_shot: int = 1
    n_query: int = 16
    seed: int = 0


def draw(
    labels: Integers, drawing: Drawing, *, support_pool: Integers, query_pool: Integers
) -> list[Episode]:
    """Draw episodes.

    Args:
        labels: Class of each image of the pool, ``(P,)`` int64.
        drawing: How many, and of what size.
        support_pool: Rows that may be support, int64.
        query_pool: Rows that may be query; where the two overlap, an episode's query is drawn
            from what is not its support.

    Raises:
        UserError: There are too few classes or images.
    """
    rng = np.random.default_rng(drawing.seed)
    classes = np.unique(labels)
    if drawing.num_episodes < 1 or drawing.k_shot < 1 or drawing.n_query < 0:
        raise UserError(
            f"episodes and shots must be at least 1, queries not negative, got {drawing}"
        )
    if not 2 <= drawing.n_way <= len(classes):
        raise UserError(f"n_way must lie in [2, {len(classes)}], got {drawing.n_way}")
    episodes = []
    for _ in range(drawing.num_episodes):
        chosen = rng.choice(classes, drawing.n_way, replace=False).tolist()
        support, query = [], []
        for label in chosen:
            candidates = support_pool[labels[support_pool] == label]
            support.append(_take(rng, candidates, drawing.k_shot, f"support of class {label}"))
            candidates = query_pool[labels[query_pool] == label]
            left = np.setdiff1d(candidates, support[-1])
            wanted = drawing.n_query or max(len(left), 1)
            query.append(_take(rng, left, wanted, f"query of class {label}"))
        episodes.append(Episode(tuple(chosen), tuple(support), tuple(query)))
    return episodes


def _take(rng: np.random.Generator, rows: Integers, count: int, what: str) -> tuple[int, ...]:
    if len(rows) < count:
        raise UserError(f"{what}: {count} images wanted, the pool has {len(rows)}")
    return tuple(rng.choice(rows, count, replace=False).tolist())


def write_episodes(path: Path, episodes: Sequence[Episode], about: dict[str, Any]) -> None:
    """Write episodes as JSON, one a line, and with them what they were drawn from."""
    lines = ",\n".join(json.dumps(asdict(episode)) for episode in episodes)
    atomic_write(path, f'{{"about": {json.dumps(about)},\n"episodes": [\n{lines}\n]}}\n'.encode())


def read_episodes(path: Path, about: dict[str, Any]) -> list[Episode]:
    """Read episodes.

    Args:
        path: What `write_episodes` wrote.
        about: What they must have been drawn from.

    Raises:
        FolderInUseError: They were drawn from something else.
    """
    content = json.loads(path.read_text())
    if content["about"] != about:
        raise FolderInUseError(
            f"{path} was drawn with {content['about']}, now {about} is wanted: remove it, or give "
            "another folder"
        )
    return [
        Episode(
            tuple(entry["classes"]),
            tuple(tuple(rows) for rows in entry["support"]),
            tuple(tuple(rows) for rows in entry["query"]),
        )
        for entry in content["episodes"]
    ]
