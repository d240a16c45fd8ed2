"""What every shard of a build shares, and how a swept pair is judged with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF

from .centroids import Embeddings
from .config import BuildConfig
from .diffusion.families import Family
from .embed import Backbone
from .neighbors import EmbeddingIndex
from .selection import projections, select
from .sources import Source

DUPLICATE_SIMILARITY = 0.99
"""A negative at least this similar to its source is marked as a duplicate."""


def fit_to(image: Image.Image, size: int) -> Tensor:
    """Resize the shorter side and crop the centre, as the authors do: ``(3, size, size)`` uint8."""
    pixels: Tensor = VF.pil_to_tensor(image)
    if pixels.shape[1:] == (size, size):
        return pixels
    steps = v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size)])
    fitted: Tensor = steps(pixels)
    return fitted


@dataclass(frozen=True)
class Workshop:
    """What every shard of a build needs.

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

    def prompt(self, source: int, target: int) -> str:
        """Give the prompt of a pair, by row of its image and class of its target."""
        return self.prompts[target] if self.captions is None else self.captions[source]


def choice(
    shop: Workshop, source: int, target: int, embeddings: Embeddings
) -> tuple[npt.NDArray[np.float64], int]:
    """Walk from the source to the target's centroid.

    Args:
        shop: What every shard needs.
        source: Row of the source image.
        target: Target class.
        embeddings: Of the sweep, ``(R, D)``.

    Returns:
        The projections, ``(R,)``, and the place of r* among them.
    """
    if shop.config.same_class:  # source and target are one class: no line to walk
        return np.zeros(len(embeddings)), 0
    of_source, centroid = shop.index.embedding(source), shop.index.centroid(target)
    walked = projections(embeddings, of_source, centroid)
    choosing = shop.config.method == "genie-ada" and len(walked) > 1
    return walked, int(select(walked, shop.config.rule)) if choosing else 0


def quality(shop: Workshop, source: int, target: int, embedding: Embeddings) -> dict[str, Any]:
    """Describe a negative by its embedding ``(D,)``: the columns that move with the centroids."""
    cosines = shop.index.class_similarities(embedding[None])[0]
    nearest = int(cosines.argmax())
    similarity = float(shop.index.embedding(source) @ embedding)
    return {
        "label": target,
        "source_label": int(shop.source.labels[source]),
        "source_id": shop.source.ids[source],
        "target_similarity": float(cosines[target]),
        "margin": float(cosines[target] - np.delete(cosines, target).max()),
        "nearest_class": nearest,
        "source_similarity": similarity,
        "on_target": nearest == target,
        "duplicate": similarity >= DUPLICATE_SIMILARITY,
    }
