"""Use pairs that were made before: they need no network, only a look from today's centroids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from index.embed import Doubles
from index.generate import BuildContext, choose_noise_ratio, quality_columns
from index.plan import Plan
from index.store import FinishedPair, PairStore


class PairReuse:
    """Looks pairs up and brings their rows up to date.

    Centroids move when images are added, so projections and quality columns are computed anew
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
        """Find pairs of a plan, by position in it; rows have the numbers of today's classes."""
        if not self._stores:
            return {}
        found, refresh = {}, self._context.config.refresh_stale
        for position, key in enumerate(self._context.keys(plan)):
            source, target = int(plan.sources[position]), int(plan.targets[position])
            made = [one for store in self._stores for one in store.get(key)]
            reused = self._best(source, target, made)
            if reused is not None and not (refresh and reused.row["stale"]):
                found[position] = reused
        return found

    def _best(self, source: int, target: int, made: Sequence[FinishedPair]) -> FinishedPair | None:
        """Bring up to date whichever is not stale, or else the first."""
        context = self._context
        if not made:
            return None
        on_centroid = np.array_equal(
            context.index.embedding(source), context.index.centroid(target)
        )
        if on_centroid and not context.config.same_class:
            return None  # no line to walk: making it says why it fails
        updated = [self._updated(source, target, one) for one in made]
        return next((one for one in updated if not one.row["stale"]), updated[0])

    def _updated(self, source: int, target: int, made: FinishedPair) -> FinishedPair:
        walked, chosen = choose_noise_ratio(self._context, source, target, made.embeddings[:-1])
        ratios = np.asarray(made.row["noise_ratios"])
        other = abs(ratios[chosen] - made.row["noise_ratio"]) > 1e-6
        centroid = self._context.index.centroid(target)
        moved = cosine_distance(made.centroid, centroid)
        changes = {
            "projections": walked.tolist(),
            "near_duplicate": False,
            "stale": bool(other and moved > self._context.config.stale_distance),
            **quality_columns(self._context, source, target, made.embeddings[-1]),
        }
        # An r* that is kept although another would be chosen still belongs to the old centroid.
        since = made.centroid if other else centroid
        return FinishedPair({**made.row, **changes}, made.embeddings, since)


def cosine_distance(a: Doubles, b: Doubles) -> float:
    """Give 1 - cos(a, b), in [0, 2]; exactly 0 for equal vectors."""
    if np.array_equal(a, b):
        return 0.0
    cosine = float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))
    return max(0.0, 1 - cosine)
