"""What every shard of a build shares, and how a swept pair is judged with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from index.config import BuildConfig
from index.diffusion import Family
from index.embed import Backbone, EmbeddingIndex
from index.plan import Plan, plan_keys
from index.sources import Source

from .r_star import RStarCache


@dataclass(frozen=True)
class BuildContext:
    """What every shard of a build needs.

    Attributes:
        config: The build, with all that the model decides filled in.
        source: The source images.
        family: The diffusion model.
        backbone: Embeds images.
        index: Source embeddings (ids are rows of the source) and centroids.
        prompts: The prompt of each class.
        captions: The prompt of each image instead, for cap2aug.
        r_stars: r* that were found before, under the same recipe.
    """

    config: BuildConfig
    source: Source
    family: Family
    backbone: Backbone
    index: EmbeddingIndex
    prompts: Sequence[str]
    captions: Sequence[str] | None = None
    r_stars: RStarCache = field(default_factory=RStarCache)

    def keys(self, plan: Plan) -> list[str]:
        """Return the content key of each pair of a plan."""
        return plan_keys(plan, self.index.digests, self.source.class_names, self.prompt)

    def prompt(self, source: int, target: int) -> str:
        """Give the prompt of a pair, by row of its image and class of its target."""
        return self.prompts[target] if self.captions is None else self.captions[source]
