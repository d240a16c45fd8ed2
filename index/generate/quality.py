"""What every shard of a build shares, and how a swept pair is judged with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from index.embed import DUPLICATE_SIMILARITY, Embeddings

from .context import BuildContext
from .selection import projections, select


def choose_noise_ratio(
    context: BuildContext, source: int, target: int, embeddings: Embeddings
) -> tuple[npt.NDArray[np.float64], int]:
    """Walk from the source to the target's centroid.

    Args:
        context: What every shard needs.
        source: Row of the source image.
        target: Target class.
        embeddings: Of the sweep, ``(R, D)``.

    Returns:
        The projections, ``(R,)``, and the place of r* among them.
    """
    if context.config.same_class:  # source and target are one class: no line to walk
        return np.zeros(len(embeddings)), 0
    of_source, centroid = context.index.embedding(source), context.index.centroid(target)
    walked = projections(embeddings, of_source, centroid)
    choosing = context.config.method == "genie-ada" and len(walked) > 1
    return walked, int(select(walked, context.config.rule)) if choosing else 0


def quality_columns(
    context: BuildContext, source: int, target: int, embedding: Embeddings
) -> dict[str, Any]:
    """Describe a negative by its embedding ``(D,)``: the columns that move with the centroids."""
    cosines = context.index.class_similarities(embedding[None])[0]
    nearest = int(cosines.argmax())
    similarity = float(context.index.embedding(source) @ embedding)
    return {
        "label": target,
        "source_label": int(context.source.labels[source]),
        "source_id": context.source.ids[source],
        "target_similarity": float(cosines[target]),
        "margin": float(cosines[target] - np.delete(cosines, target).max()),
        "nearest_class": nearest,
        "source_similarity": similarity,
        "on_target": nearest == target,
        "duplicate": similarity >= DUPLICATE_SIMILARITY,
    }
