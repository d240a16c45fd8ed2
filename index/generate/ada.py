"""GeNIe-Ada's three ways to r*: from the whole sweep, from a cheap preview, from neighbours.

The paper's way generates all of X_r to keep one of them, which costs two to four times as much as
plain generation. The other two look at less and then generate X_{r*} alone, in full:

- preview: the sweep with a few solver steps. Each trajectory starts at exactly its noise ratio, so
  two steps are one call of the network for every r below 1: the projection to x_0.
- neighbours: a few pilots of every target are previewed; the others take the r* of most of the
  source images most like theirs. Where those disagree, the pair is previewed, too; and so is a
  sample of the others, and all of them if the sample shows that the votes are wrong.

All of it happens within one shard, so that a bank does not depend on the order of shards.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from index.diffusion.sampling import derived_seed
from index.embed import Embeddings
from index.plan import Plan

from .context import BuildContext
from .generation import Generated, Generation
from .quality import choose_noise_ratio
from .r_star import RStarCache, predict_r_star

NEIGHBOURS = 5
"""Source images that vote on r*, and pilots of each target in a shard."""


AGREEMENT = 0.6
"""Least share of votes, or of verified pairs, for predicted r* to be trusted."""


VERIFIED_OF = 10
"""One of so many predicted pairs is previewed all the same."""


@dataclass(frozen=True)
class Candidates:
    """A pair at one or several noise ratios, and which of them Algorithm 1 chooses.

    Attributes:
        ratios: R noise ratios, increasing.
        generated: Their pictures, ``(R, 3, H, W)`` uint8, and their seed.
        embeddings: Of the pictures, ``(R, D)`` float32.
        projections: On the line from source to target, ``(R,)`` float64.
        chosen: Place of r*.
    """

    ratios: tuple[float, ...]
    generated: Generated
    embeddings: Embeddings
    projections: npt.NDArray[np.float64]
    chosen: int

    @property
    def noise_ratio(self) -> float:
        """r*."""
        return self.ratios[self.chosen]


@dataclass(frozen=True)
class Negative:
    """A hard negative: what r* was chosen from, and X_{r*} in full, which may be one of it."""

    looked: Candidates
    final: Candidates

    @property
    def image(self) -> Tensor:
        """The picture, ``(3, H, W)`` uint8."""
        return self.final.generated.images[self.final.chosen]

    @property
    def embedding(self) -> Embeddings:
        """The picture's embedding, ``(D,)`` float32."""
        embedding: Embeddings = self.final.embeddings[self.final.chosen]
        return embedding


@dataclass
class Counts:
    """How the r* of a shard were found.

    Attributes:
        previewed: From a preview.
        predicted: From neighbours alone.
        verified: Predicted, and previewed to see whether it is true.
        verified_within_one_step: Of these, at most one place of the grid off.
    """

    previewed: int = 0
    predicted: int = 0
    verified: int = 0
    verified_within_one_step: int = 0


@dataclass
class Ada:
    """Makes the hard negatives of one shard.

    Attributes:
        context: What every shard needs.
        plan: The pairs.
        generation: Makes their pictures.
        counts: How r* were found.
    """

    context: BuildContext
    plan: Plan
    generation: Generation
    counts: Counts = field(default_factory=Counts)

    def negatives(self, positions: Sequence[int]) -> dict[int, Negative]:
        """Make the pairs at some positions of the plan; those that fail are left out."""
        config = self.context.config
        steps, ratios = config.steps, config.sweep_ratios
        if config.method != "genie-ada" or config.ada == "full":
            swept = self._look(dict.fromkeys(positions, ratios), steps)
            return {position: Negative(look, look) for position, look in swept.items()}
        predicted: dict[int, float] = {}
        if config.ada == "preview":
            looks = self._preview(positions)
        else:
            looks, predicted = self._ask_neighbours(positions)
        self.counts.previewed, self.counts.predicted = len(looks), len(predicted)
        wanted = {position: (look.noise_ratio,) for position, look in looks.items()}
        wanted |= {position: (ratio,) for position, ratio in predicted.items()}
        attempts = {position: look.generated.attempt for position, look in looks.items()}
        finals = self._look(dict(sorted(wanted.items())), steps, attempts)
        return {p: Negative(looks.get(p, final), final) for p, final in finals.items()}

    def _look(
        self,
        noise_ratios: Mapping[int, tuple[float, ...]],
        num_inference_steps: int,
        first_attempts: Mapping[int, int] | None = None,
    ) -> dict[int, Candidates]:
        """Generate pairs at some noise ratios, embed them in full batches, and choose."""
        made = self.generation.run(noise_ratios, num_inference_steps, first_attempts)
        if not made:
            return {}
        start = time.perf_counter()
        images = [generated.images for generated in made.values()]
        embedded = self.context.backbone(torch.cat(images))
        blocks = np.split(embedded, np.cumsum([len(block) for block in images])[:-1])
        self.generation.seconds["embed"] += time.perf_counter() - start
        looks = {}
        for (position, generated), block in zip(made.items(), blocks, strict=True):
            source, target = int(self.plan.sources[position]), int(self.plan.targets[position])
            walked, chosen = choose_noise_ratio(self.context, source, target, block)
            looks[position] = Candidates(noise_ratios[position], generated, block, walked, chosen)
        return looks

    def _preview(self, positions: Iterable[int]) -> dict[int, Candidates]:
        """Sweep pairs with few solver steps."""
        config = self.context.config
        return self._look(dict.fromkeys(sorted(positions), config.sweep_ratios), config.ada_steps)

    def _ask_neighbours(
        self, positions: Sequence[int]
    ) -> tuple[dict[int, Candidates], dict[int, float]]:
        """Preview some pairs and predict r* of the others."""
        known = RStarCache(self.context.r_stars.scope)
        known.merge(self.context.r_stars)
        pilots = self._pilots(positions, known)
        looks = self._preview(pilots)
        for position, look in looks.items():
            pair = self.generation.pairs[position]
            known.record(pair.digest, pair.target, look.noise_ratio)
        others = set(positions) - set(pilots)
        votes = {position: self._vote(position, known) for position in others}
        predicted = {position: ratio for position, ratio in votes.items() if ratio is not None}
        checked = [position for position in predicted if self._is_checked(position)]
        new = self._preview(others - predicted.keys() | set(checked))
        if not self._hold(checked, predicted, new):
            new |= self._preview(predicted.keys() - set(checked))
            predicted = {}
        looks |= new
        left = set(predicted) - looks.keys() - self.generation.failures.keys()
        return looks, {position: predicted[position] for position in left}

    def _pilots(self, positions: Sequence[int], known: RStarCache) -> list[int]:
        """Choose the first pairs of every target of which too few r* are known."""
        names = self.context.source.class_names
        seen = Counter({name: len(known.of_target(name)) for name in names})
        pilots = []
        for position in positions:
            target = self.generation.pairs[position].target
            if seen[target] < NEIGHBOURS:
                pilots.append(position)
            seen[target] += 1
        return pilots

    def _vote(self, position: int, known: RStarCache) -> float | None:
        """Let the source images nearest to a pair's vote; None if they disagree."""
        embedding = self.context.index.embedding(int(self.plan.sources[position]))
        target = self.generation.pairs[position].target
        vote = predict_r_star(self.context.index, known, embedding, target, NEIGHBOURS)
        return vote[0] if vote is not None and vote[1] >= AGREEMENT else None

    def _is_checked(self, position: int) -> bool:
        return derived_seed(self.generation.seed(position), "verify") % VERIFIED_OF == 0

    def _hold(
        self,
        checked: Sequence[int],
        predicted: Mapping[int, float],
        looks: Mapping[int, Candidates],
    ) -> bool:
        """Tell whether predictions hold on a sample, within one place of the grid."""
        grid = self.context.config.sweep_ratios
        seen = [position for position in checked if position in looks]
        right = sum(
            abs(grid.index(predicted[p]) - grid.index(looks[p].noise_ratio)) <= 1 for p in seen
        )
        self.counts.verified, self.counts.verified_within_one_step = len(seen), right
        return right >= AGREEMENT * len(seen)
