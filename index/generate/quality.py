"""What embeddings say about a pair: which noise ratio is r*, and how good the negative is."""

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
    """Project a sweep on the line from its source to the target's centroid, and choose r*.

    Args:
        context: What every shard needs.
        source: Row of the source image.
        target: Target class.
        embeddings: Of the sweep, ``(R, D)`` float32.

    Returns:
        The projections, ``(R,)`` float64, and the position of r* among them: 0 for all methods but
        genie-ada, which generate one noise ratio.

    Raises:
        ValueError: An embedding is not finite, or there is no line (see `BuildContext.has_line`).
    """
    if context.config.same_class:
        # Source and target are one class: a line to the own centroid would say nothing about
        # the label. The column of projections is still filled, so that all banks are alike.
        return np.zeros(len(embeddings)), 0
    of_source, centroid = context.index.embedding(source), context.index.centroid(target)
    projected = projections(embeddings, of_source, centroid)
    # A single ratio is only described: it was chosen before, or set by the user.
    choosing = context.config.method == "genie-ada" and len(projected) > 1
    return projected, int(select(projected, context.config.rule)) if choosing else 0


def quality_columns(
    context: BuildContext, source: int, target: int, embedding: Embeddings
) -> dict[str, Any]:
    """Describe a negative by its embedding ``(D,)``: the columns that move with the centroids.

    They are apart from a row's other columns because a pair that was made before gets them again,
    from today's centroids and with today's class numbers.

    Args:
        context: What every shard needs.
        source: Row of the source image.
        target: Target class.
        embedding: Of the negative, ``(D,)`` float32, unit norm.
    """
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
