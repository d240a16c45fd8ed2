"""What the shards of a build share: settings, images, models, embeddings, prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.config import BuildConfig
from index.diffusion import Family
from index.diffusion.sampling import derived_seed, pair_seed
from index.embed import Backbone, EmbeddingIndex
from index.plan import PairKeys, Plan, plan_keys
from index.sources import Source


@dataclass(frozen=True)
class BuildContext:
    """What every shard of a build needs; nothing in it changes while shards run.

    Attributes:
        config: The build, with all that the model decides filled in.
        source: The source images.
        family: The diffusion model.
        backbone: Embeds images.
        index: Source embeddings (ids are rows of the source) and centroids.
        prompts: The prompts of each class; each pair takes one of its target's.
        captions: The prompt of each image instead, for cap2aug.
    """

    config: BuildConfig
    source: Source
    family: Family
    backbone: Backbone
    index: EmbeddingIndex
    prompts: Sequence[tuple[str, ...]]
    captions: Sequence[str] | None = None

    def keys(self, plan: Plan) -> PairKeys:
        """Return the content key of each pair of a plan."""
        return plan_keys(plan, self.index.digests, self.source.class_names, self.prompt)

    def prompt(self, source: int, target: int, variation: int) -> str:
        """Return the prompt of a pair.

        Args:
            source: Row of its image.
            target: Class of its target.
            variation: Which of several negatives of the same pair, from 0.
        """
        if self.captions is not None:
            return self.captions[source]
        prompts = self.prompts[target]
        if len(prompts) == 1:
            return prompts[0]
        name = self.source.class_names[target]
        seed = pair_seed(self.index.digests[source], name, variation, self.config.seed)
        return choose_prompt(prompts, seed)

    def has_line(self, source: int, target: int) -> bool:
        """Return whether a pair can be made: Algorithm 1 needs a line from source to target.

        Args:
            source: Row of the source image.
            target: Target class.
        """
        # Where source and target are one class, nothing is projected. Otherwise both points are
        # the same if the only image of the target has the source's pixels under another label.
        if self.config.same_class:
            return True
        return not np.array_equal(self.index.embedding(source), self.index.centroid(target))


def choose_prompt(prompts: Sequence[str], seed: int) -> str:
    """Choose one of several prompts by the seed of a pair.

    Their order does not matter, and of N prompts a further one takes the place of the chosen one
    for one pair in N + 1 only, so that a bank keeps its other pairs.
    """
    return max(prompts, key=lambda prompt: derived_seed(seed, "prompt", prompt))
