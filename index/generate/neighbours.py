"""`--ada neighbours`: most pairs take the r* of the source images that look most like theirs.

A few pairs of every target, the pilots, are previewed as `ada` does. The others take the r* of
most of the source images nearest to theirs. Where those disagree, the pair is previewed, too; and
so is a sample of the others, and all of them if the sample shows that the votes are wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from index.diffusion.sampling import derived_seed
from index.plan import Plan

from .candidates import Candidates
from .context import BuildContext
from .generation import Generation
from .r_star import RStarCache, prompted

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
        # What is found here stays here: if a shard learned from another, the bank would depend on
        # the order in which shards run.
        pilots, found = self._pilots(positions), RStarCache()
        previews = self.preview(pilots)
        for position, candidates in previews.items():
            pair = self.generation.pairs[position]
            found.record(pair.digest, prompted(pair.target, pair.prompt), candidates.noise_ratio)

        others = set(positions) - set(pilots)
        predicted = self._predict(sorted(others), found)
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

    def _pilots(self, positions: Sequence[int]) -> list[int]:
        """Choose the first pairs of every target of which too few r* are known."""
        seen: defaultdict[str, int] = defaultdict(int)
        pilots = []
        for position in positions:
            target = self._target(position)
            if self.context.voters.count(target) + seen[target] < NEIGHBOURS:
                pilots.append(position)
            seen[target] += 1
        return pilots

    def _predict(self, positions: Sequence[int], found: RStarCache) -> dict[int, float]:
        """Let the source images nearest to each pair's vote; where they disagree, it is left out.

        Args:
            positions: Of the pairs.
            found: r* of the pilots.
        """
        of_target: defaultdict[str, list[int]] = defaultdict(list)
        for position in positions:
            of_target[self._target(position)].append(position)
        predicted: dict[int, float] = {}
        for target, asking in of_target.items():
            predicted |= self._votes(target, asking, found.of_target(target))
        return predicted

    def _target(self, position: int) -> str:
        pair = self.generation.pairs[position]
        return prompted(pair.target, pair.prompt)

    def _votes(
        self, target: str, positions: Sequence[int], found: Mapping[str, float]
    ) -> dict[int, float]:
        """Return what the neighbours of pairs of one target agree on, by position."""
        # Rows of the source are also rows of the index.
        embeddings = self.context.index.embeddings(self.plan.sources[list(positions)])
        votes = self.context.voters.predict(embeddings, target, NEIGHBOURS, found)
        # A cache holds rounded numbers (see `RStarCache.record`): take the grid's own.
        grid = self.context.config.sweep_ratios
        return {
            position: min(grid, key=lambda ratio: abs(ratio - vote[0]))
            for position, vote in zip(positions, votes, strict=True)
            if vote is not None and vote[1] >= AGREEMENT
        }

    def _is_checked(self, position: int) -> bool:
        # By the pair's seed and not by its place: it is the same pairs in any shard.
        return derived_seed(self.generation.seed(position), "verify") % VERIFIED_OF == 0

    def _is_right(self, predicted: float, found: float) -> bool:
        """Return whether a vote is at most one place of the grid off."""
        # One place is close enough: a preview of few steps is itself as far from the full sweep.
        grid = self.context.config.sweep_ratios
        return abs(grid.index(predicted) - grid.index(found)) <= 1
