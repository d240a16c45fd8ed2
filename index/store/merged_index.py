"""The index of a merged bank: embeddings of the sources of all its parts, and their centroids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from index.embed import EmbeddingIndex


def merge_indexes(folder: Path, parts: Sequence[Path], numbers: Sequence[Sequence[int]]) -> None:
    """Write the index of a merged bank; every part has one, by the same backbone.

    An image that an earlier part has in the same class counts once for its centroid. Images are
    numbered anew: a merged bank has no source whose rows they could be.

    Args:
        folder: The merged bank.
        parts: The banks.
        numbers: For each part, the number in the merged bank of each of its classes.

    Raises:
        UserError: A part's index is damaged, or keeps its embeddings only compressed.
    """
    merged: EmbeddingIndex | None = None
    seen: set[tuple[str, int]] = set()
    for part, codes in zip(parts, numbers, strict=True):
        index = EmbeddingIndex.load(part / "index")
        embeddings = index.embeddings()
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
