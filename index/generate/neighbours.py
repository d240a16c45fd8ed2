"""`--ada neighbours`: most pairs take the r* of the source images that look most like theirs.

A few pairs of every target, the pilots, are previewed as `ada` does. The others take the r* of
most of the source images nearest to theirs. Where those disagree, the pair is previewed, too; and
so is a sample of the others, and all of them if the sample shows that the votes are wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from index.diffusion.sampling import derived_seed
from index.embed import EmbeddingIndex, Embeddings
from index.plan import Plan

from .candidates import Candidates
from .context import BuildContext
from .generation import Generation
from .r_star import RStarCache

NEIGHBOURS = 5
"""Source images that vote on r*, and pilots of each target in a shard."""


AGREEMENT = 0.6
"""Least share of votes, or of verified pairs, for predicted r* to be trusted."""


VERIFIED_OF = 10
"""One in so many predicted pairs is previewed all the same."""


@dataclass(frozen=True)
class Outcome:
    """r* of pairs, some previewed and some predicted.

    Attributes:
        previews: The previewed pairs, by position.
        predicted: r* of the others, by position.
        verified: How many predicted pairs were previewed to see whether the votes are right.
        verified_within_one_step: Of these, how many are at most one place of the grid off.
    """

    previews: dict[int, Candidates]
    predicted: dict[int, float]
    verified: int
    verified_within_one_step: int


@dataclass(frozen=True)
class Neighbours:
    """Finds r* of the pairs of one shard by previewing few of them.

    Attributes:
        context: What every shard needs.
        plan: The pairs.
        generation: Knows what the pairs are, and which of them failed.
        preview: Sweeps the pairs at some positions with few steps; leaves failures out.
    """

    context: BuildContext
    plan: Plan
    generation: Generation
    preview: Callable[[Iterable[int]], dict[int, Candidates]]

    def find(self, positions: Sequence[int]) -> Outcome:
        """Find r* of the pairs at some positions of the plan; those that fail are left out."""
        # A copy, and all within one shard: if a shard learned from another, the bank would depend
        # on the order in which shards run.
        known = self.context.r_stars.copy()
        pilots = self._pilots(positions, known)
        previews = self.preview(pilots)
        for position, candidates in previews.items():
            pair = self.generation.pairs[position]
            known.record(pair.digest, pair.target, candidates.noise_ratio)

        others = set(positions) - set(pilots)
        votes = {position: self._vote(position, known) for position in others}
        predicted = {position: ratio for position, ratio in votes.items() if ratio is not None}
        checked = {position for position in predicted if self._is_checked(position)}
        # Disagreeing votes and the sample in one call: a sweep shares its network calls.
        more = self.preview((others - predicted.keys()) | checked)
        verified = [position for position in checked if position in more]
        right = sum(self._is_right(predicted[p], more[p].noise_ratio) for p in verified)
        if right < AGREEMENT * len(verified):
            # On these images likeness says nothing about r*: believe no vote of this shard.
            more |= self.preview(predicted.keys() - checked)
            predicted = {}
        previews |= more
        # A verified pair keeps the r* of its preview, which is better than a vote.
        left = predicted.keys() - previews.keys() - self.generation.failures.keys()
        return Outcome(previews, {p: predicted[p] for p in left}, len(verified), right)

    def _pilots(self, positions: Sequence[int], known: RStarCache) -> list[int]:
        """Choose the first pairs of every target of which too few r* are known."""
        names = self.context.source.class_names
        known_of = Counter({name: len(known.of_target(name)) for name in names})
        pilots = []
        for position in positions:
            target = self.generation.pairs[position].target
            if known_of[target] < NEIGHBOURS:
                pilots.append(position)
            known_of[target] += 1
        return pilots

    def _vote(self, position: int, known: RStarCache) -> float | None:
        """Let the source images nearest to a pair's vote; None if they disagree."""
        embedding = self.context.index.embedding(int(self.plan.sources[position]))
        target = self.generation.pairs[position].target
        found = predict_r_star(self.context.index, known, embedding, target, NEIGHBOURS)
        if found is None or found[1] < AGREEMENT:
            return None
        # A cache holds rounded numbers (see `RStarCache.record`): take the grid's own.
        grid = self.context.config.sweep_ratios
        return min(grid, key=lambda ratio: abs(ratio - found[0]))

    def _is_checked(self, position: int) -> bool:
        # By the pair's seed and not by its place: it is the same pairs in any shard.
        return derived_seed(self.generation.seed(position), "verify") % VERIFIED_OF == 0

    def _is_right(self, predicted: float, found: float) -> bool:
        """Return whether a vote is at most one place of the grid off."""
        # One place is close enough: a preview of few steps is itself as far from the full sweep.
        grid = self.context.config.sweep_ratios
        return abs(grid.index(predicted) - grid.index(found)) <= 1


def predict_r_star(
    index: EmbeddingIndex, known: RStarCache, embedding: Embeddings, target: str | int, k: int = 5
) -> tuple[float, float] | None:
    """Predict r* of an image from the nearest images that were moved to the same target.

    Args:
        index: Holds the embeddings of the images that vote.
        known: Their r*.
        embedding: Of the image, ``(D,)`` float32, unit norm.
        target: The target class, as it was recorded.
        k: Neighbours that vote.

    Returns:
        The r* that most of the k have (the smaller one if two have as many votes) and their share
        of the votes, in (0, 1]; None if no image of the index is known to have been moved to the
        target.

    Raises:
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    # A cache may know images that are no longer among the sources: they have no embedding.
    row_of = {digest: index.row_of_digest(digest) for digest in known.of_target(target)}
    digest_of = {row: digest for digest, row in row_of.items() if row is not None}
    # By row, whatever the order of recording: it decides between equally near images.
    rows = sorted(digest_of)
    if not rows:
        return None
    similarity = index.embeddings(rows) @ np.asarray(embedding, dtype=np.float32)
    nearest = np.argsort(-similarity, kind="stable")[:k].tolist()
    return vote([known.of_target(target)[digest_of[rows[place]]] for place in nearest])


def vote(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the most frequent noise ratio, the smaller one of two, and its share in (0, 1]."""
    votes = Counter(ratios)
    chosen = min(votes, key=lambda ratio: (-votes[ratio], ratio))
    return chosen, votes[chosen] / len(ratios)
