"""Settings that choose r for the pairs of an episode: rule, backbone, line and grid.

Every rule uses what Algorithm 1 uses and no more: the sweep's embeddings and the episode's support.
Two things go beyond it, to show what would be possible: centroids of many real images, and the
oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.episodes import Episode, Integers, Pairs, Pool, cross_class_pairs
from index.config import PAPER_NOISE_RATIOS
from index.generate import RULES, projections, select

Floats = npt.NDArray[np.float64]


DIRECTIONS = 8
"""How many directions are removed for `SelectionSetting.without_background`."""


@dataclass(frozen=True)
class Projections:
    """The G sweeps of an episode, as one backbone embeds them; M noise ratios, N classes.

    Attributes:
        d: Place on the line from its start (0) to the target's centroid (1), ``(G, M)``.
        similarity: Inner products with the centroids of the episode's classes, ``(G, M, N)``.
        targets: Positions in the episode's classes, ``(G,)`` int64.
    """

    d: Floats
    similarity: Floats
    targets: Integers

    @property
    def margin(self) -> Floats:
        """How much nearer the target is than the nearest other class, ``(G, M)``."""
        rows = np.arange(len(self.targets))
        others = self.similarity.copy()
        others[rows, :, self.targets] = -np.inf
        margin: Floats = self.similarity[rows, :, self.targets] - others.max(2)
        return margin


Rule = Callable[[Projections], Integers]
"""Maps the sweeps to the position of the chosen r in each, ``(G,)``."""


def first(true: npt.NDArray[np.bool_]) -> Integers:
    """Find the first True of each row ``(G, M)``; the last position where there is none."""
    found: Integers = np.where(true.any(1), true.argmax(1), true.shape[1] - 1)
    return found


def _halfway(projected: Projections) -> Integers:
    """Find the first r past the middle between the start and the furthest that the sweep gets."""
    return first(projected.d >= projected.d.max(1, keepdims=True) / 2)


def _change_point(projected: Projections) -> Integers:
    """Split the sweep into two constant parts with the least squared error; take the second's r."""
    d, errors = projected.d, []
    for split in range(1, d.shape[1]):
        low, high = d[:, :split], d[:, split:]
        errors.append(low.var(1) * low.shape[1] + high.var(1) * high.shape[1])
    return np.asarray(np.argmin(errors, 0) + 1, dtype=np.int64)


def _pooled(projected: Projections) -> Integers:
    """Average each pair's steps with those of all pairs of its target, and take the largest."""
    steps = np.diff(projected.d, axis=1)
    for target in np.unique(projected.targets):
        rows = projected.targets == target
        steps[rows] = (steps[rows] + steps[rows].mean(0)) / 2
    return np.asarray(steps.argmax(1) + 1, dtype=np.int64)


def _then(rule: Rule, projected: Projections) -> Integers:
    """Go one r further than a rule."""
    found: Integers = np.minimum(rule(projected) + 1, projected.d.shape[1] - 1)
    return found


def _share(share: float, projected: Projections) -> Integers:
    """Find the first r whose margin is this share of the largest; the largest if none is > 0."""
    best = projected.margin.max(1, keepdims=True)
    return first(projected.margin >= np.where(best > 0, share * best, best))


def _built_in(rule: str) -> Rule:
    """Return a rule that banks can be built with."""
    return lambda projected: select(projected.d, rule)


def _nearest(projected: Projections) -> Integers:
    return first(projected.margin > 0)


def _crosses(projected: Projections) -> Integers:
    return first(projected.d > 0.5)


CANDIDATES: dict[str, Rule] = {
    **{rule: _built_in(rule) for rule in RULES},
    "crosses": _crosses,
    "halfway": _halfway,
    "change-point": _change_point,
    "pooled": _pooled,
    "furthest": lambda projected: np.asarray(projected.d.argmax(1), dtype=np.int64),
    "nearest": _nearest,
    "nearest, then one further": partial(_then, _nearest),
    "margin": lambda projected: np.asarray(projected.margin.argmax(1), dtype=np.int64),
    "0.9 of the margin": partial(_share, 0.9),
    "0.75 of the margin": partial(_share, 0.75),
}
"""By name; `docs/choosing-r.md` says what each does."""


ORACLE, RANDOM = "oracle", "random"


@dataclass(frozen=True)
class SelectionSetting:
    """What chooses r, and by which rule.

    Attributes:
        rule: One of `CANDIDATES`; "r = 0.8" for a fixed r; "oracle" for the first r of the grid
            at which the oracle predicts the target; "random" for any of the grid.
        selector: The backbone that chooses; the head always learns from the pool's own.
        centroid: What a class's centroid is the mean of: its "support" images, "one" of them,
            "many" real images (all support images of the pool), or "generated": its support and
            the sweeps' last images of it, at the grid's largest r, which cost nothing more.
        start: Where the line starts: at the "source", or at the centroid of its "class".
        without_background: Remove the directions in which images of one class differ most, in the
            demo background, colour and place: the first principal ones of the differences between
            the pool's support images and the means of their classes.
        grid: The noise ratios to choose among.
    """

    rule: str
    selector: str = "demo"
    centroid: str = "support"
    start: str = "source"
    without_background: bool = False
    grid: tuple[float, ...] = PAPER_NOISE_RATIOS

    @property
    def noise_ratio(self) -> float | None:
        """The fixed r; None if the rule chooses."""
        return float(self.rule.removeprefix("r = ")) if self.rule.startswith("r = ") else None

    def as_json(self) -> dict[str, Any]:
        """Return the fields under their names in results and kept findings."""
        # Files that were written before the field was renamed have to be found and read.
        return {"eyes" if key == "selector" else key: value for key, value in asdict(self).items()}

    def name_beside(self, own: str) -> str:
        """Return the rule, and what differs from Algorithm 1's setting with the backbone `own`."""
        parts = {
            self.rule: True,
            self.selector.rpartition(":")[2]: self.selector != own,
            f"centroid {self.centroid}": self.centroid != "support",
            "from the class": self.start == "class",
            "without background": self.without_background,
            f"grid {self.grid[0]:g} … {self.grid[-1]:g}": self.grid != PAPER_NOISE_RATIOS,
        }
        return ", ".join(part for part, shown in parts.items() if shown)

    def choose(self, pool: Pool, episode: Episode, seed: int) -> Integers:
        """Choose for every pair of an episode (see `cross_class_pairs`).

        Args:
            pool: The pool as the selector embeds it.
            episode: Its support lies in the pool's.
            seed: For "random".

        Returns:
            Places in the pool's sweep, ``(G,)`` int64.
        """
        pairs, columns = cross_class_pairs(episode), np.array([pool.place(r) for r in self.grid])
        episode.check_sources(pairs.sources)
        if self.noise_ratio is not None:
            return np.full(len(pairs.sources), pool.place(self.noise_ratio))
        if self.rule == RANDOM:
            return np.random.default_rng(seed).choice(columns, len(pairs.sources))
        if self.rule == ORACLE:
            hits = pool.swept.hits[pairs.sources[:, None], pairs.classes[:, None], columns]
            return columns[first(hits)]
        return columns[CANDIDATES[self.rule](self._projections(pool, episode, pairs, columns))]

    def _projections(
        self, pool: Pool, episode: Episode, pairs: Pairs, columns: Integers
    ) -> Projections:
        swept = pool.swept.embeddings[pairs.sources[:, None], pairs.classes[:, None], columns]
        starts = pool.embeddings[pairs.sources]
        centroids = self._centroids(pool, episode, swept[:, -1], pairs.targets)
        if self.without_background:
            basis = background(pool)
            swept, starts, centroids = (
                (part - part @ basis.T @ basis).astype(np.float32)
                for part in (swept, starts, centroids)
            )
        if self.start == "class":
            places = {row: place for place, rows in enumerate(episode.support) for row in rows}
            starts = centroids[[places[row] for row in pairs.sources.tolist()]]
        d = projections(swept, starts, centroids[pairs.targets])
        return Projections(d, np.asarray(swept @ centroids.T, dtype=np.float64), pairs.targets)

    def _centroids(
        self, pool: Pool, episode: Episode, last: npt.NDArray[np.float32], targets: Integers
    ) -> npt.NDArray[np.float32]:
        """Average images of each class; plain means of unit vectors, as in the authors' code."""
        means: Mapping[str, Callable[[int], npt.NDArray[np.float32]]] = {
            "support": lambda place: pool.embeddings[list(episode.support[place])],
            "one": lambda place: pool.embeddings[list(episode.support[place][:1])],
            "many": lambda place: pool.embeddings[: pool.num_support][
                pool.labels[: pool.num_support] == episode.classes[place]
            ],
            "generated": lambda place: np.concatenate(
                [pool.embeddings[list(episode.support[place])], last[targets == place]]
            ),
        }
        return np.stack([means[self.centroid](n).mean(0) for n in range(episode.n_way)])


def background(pool: Pool) -> npt.NDArray[np.float32]:
    """Find the directions in which images of one class differ most, ``(DIRECTIONS, D)``."""
    real, labels = pool.embeddings[: pool.num_support], pool.labels[: pool.num_support]
    means = np.stack([real[labels == label].mean(0) for label in range(len(pool.class_names))])
    basis: npt.NDArray[np.float32] = np.linalg.svd(real - means[labels], full_matrices=False)[2]
    return basis[:DIRECTIONS]
