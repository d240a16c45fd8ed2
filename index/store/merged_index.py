"""The index of a merged bank: embeddings of the sources of all its parts, and their centroids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genie_transforms import UserError
from index.embed import EmbeddingIndex, Embeddings


def merge_indexes(folder: Path, parts: Sequence[Path], numbers: Sequence[Sequence[int]]) -> None:
    """Write the index of a merged bank; every part has one, by the same backbone.

    An image that an earlier part has in the same class counts once for its centroid. Images are
    numbered anew: a merged bank has no source whose rows they could be.

    Args:
        folder: The merged bank.
        parts: The banks.
        numbers: For each part, the number in the merged bank of each of its classes.

    Raises:
        UserError: A part's index is damaged, or does not keep its embeddings as they were.
    """
    merged: EmbeddingIndex | None = None
    seen: set[tuple[str, int]] = set()
    for part, codes in zip(parts, numbers, strict=True):
        index = EmbeddingIndex.load(part / "index")
        embeddings = _as_they_were(index, part)
        labels = np.asarray(codes, dtype=np.int64)[index.labels]
        keys = list(zip(index.digests, labels.tolist(), strict=True))
        # Known by its content key: one without is taken as an image of its own.
        fresh = [row for row, key in enumerate(keys) if key not in seen or not key[0]]
        seen.update(keys)
        if merged is None:
            merged = EmbeddingIndex(index.dimension)
        ids = np.arange(len(merged), len(merged) + len(fresh))
        digests = [index.digests[row] for row in fresh]
        merged.add(embeddings[fresh], ids, labels[fresh], digests)
    if merged is not None:
        merged.save(folder / "index")


def _as_they_were(index: EmbeddingIndex, part: Path) -> Embeddings:
    """Return all embeddings, ``(N, D)`` float32; centroids of others would be other centroids.

    Raises:
        UserError: The bank is of old, and keeps them only compressed.
    """
    if not index.keeps_embeddings:
        raise UserError(
            f"{part} keeps its embeddings compressed, as {index.factory!r}: run its build again, "
            "which makes no image again and keeps them exactly"
        )
    return index.embeddings()
