"""Use pairs that were made before: they need no network, only today's centroids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from index.config import BuildConfig
from index.embed import Doubles
from index.generate import BuildContext, choose_noise_ratio, quality_columns
from index.plan import Plan
from index.store import SUPERSEDED, FinishedPair, PairStore

from .describe import Description


class PairReuse:
    """Looks pairs up and brings their rows up to date.

    Centroids move when images are added, so projections and quality columns are computed again
    from the embeddings that were kept. A row is *stale* if its target's centroid has moved by
    more than the configured `stale_distance` since r* was chosen, and Algorithm 1 would now
    choose another r, whose image was not kept. With `refresh_stale` such pairs are not found.

    Args:
        context: What every shard of this build needs.
        stores: Where to look, the first one first.
    """

    def __init__(self, context: BuildContext, stores: Iterable[PairStore]) -> None:
        self._context = context
        self._stores = [store for store in stores if len(store)]

    def find(self, plan: Plan) -> dict[int, FinishedPair]:
        """Find pairs of a plan, by position in it.

        Their rows have today's class numbers and the marks of today's centroids.
        """
        if not self._stores:
            return {}
        found, refresh = {}, self._context.config.refresh_stale
        for position, key in enumerate(self._context.keys(plan)):
            source, target = int(plan.sources[position]), int(plan.targets[position])
            finished = [pair for store in self._stores for pair in store.get(key)]
            reused = self._best(source, target, finished)
            if reused is not None and not (refresh and reused.row["stale"]):
                found[position] = reused
        return found

    def _best(
        self, source: int, target: int, finished: Sequence[FinishedPair]
    ) -> FinishedPair | None:
        """Return whichever is not stale today, or else the first, brought up to date."""
        context = self._context
        if not finished:
            return None
        on_centroid = np.array_equal(
            context.index.embedding(source), context.index.centroid(target)
        )
        if on_centroid and not context.config.same_class:
            return None  # no line to project on: making the pair says why it fails
        updated = [self._with_current_centroids(source, target, pair) for pair in finished]
        return next((pair for pair in updated if not pair.row["stale"]), updated[0])

    def _with_current_centroids(self, source: int, target: int, pair: FinishedPair) -> FinishedPair:
        projections, chosen = choose_noise_ratio(
            self._context, source, target, pair.embeddings[:-1]
        )
        ratios = np.asarray(pair.row["noise_ratios"])
        # Ratios are stored in single precision, and a grid has steps far above 1e-6.
        other = abs(ratios[chosen] - pair.row["noise_ratio"]) > 1e-6
        centroid = self._context.index.centroid(target)
        moved = cosine_distance(pair.centroid, centroid)
        changes = {
            "projections": projections.tolist(),
            "near_duplicate": False,
            "stale": bool(other and moved > self._context.config.stale_distance),
            **quality_columns(self._context, source, target, pair.embeddings[-1]),
        }
        # An r* that is kept although another would be chosen still belongs to the old centroid.
        since = pair.centroid if other else centroid
        return FinishedPair({**pair.row, **changes}, pair.embeddings, since)


def pair_stores(config: BuildConfig, description: Description) -> list[PairStore]:
    """Open the stores of finished pairs of this scope: the bank's superseded shards, the cache."""
    folders = [config.folder / SUPERSEDED]
    if config.cache:
        folders.append(description.shared_pairs(config.cache))
    return [PairStore(folder) for folder in folders]


def cosine_distance(a: Doubles, b: Doubles) -> float:
    """Compute 1 - cos(a, b), in [0, 2]; exactly 0 for equal vectors."""
    if np.array_equal(a, b):
        return 0.0
    cosine = float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))
    return max(0.0, 1 - cosine)
