"""What the shards of a build share: settings, images, models, embeddings, prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.config import BuildConfig
from index.diffusion import Family
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
        prompts: The prompt of each class.
        captions: The prompt of each image instead, for cap2aug.
    """

    config: BuildConfig
    source: Source
    family: Family
    backbone: Backbone
    index: EmbeddingIndex
    prompts: Sequence[str]
    captions: Sequence[str] | None = None

    def keys(self, plan: Plan) -> PairKeys:
        """Return the content key of each pair of a plan."""
        names = self.source.class_names
        if self.captions is None:
            return plan_keys(plan, self.index.digests, names, self.prompts)
        return plan_keys(plan, self.index.digests, names, self.captions, of_sources=True)

    def prompt(self, source: int, target: int) -> str:
        """Return the prompt of a pair, by row of its image and class of its target."""
        return self.prompts[target] if self.captions is None else self.captions[source]

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
