"""Mark rows that hardly differ from an earlier one of their class."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from index.embed import DUPLICATE_SIMILARITY, Embeddings, Integers

from .embeddings import chosen_embeddings, embeddings_path
from .shards import finished_shards, read_shard, replace_shard

Mask = npt.NDArray[np.bool_]


def near_duplicates(
    embeddings: Embeddings, labels: Integers, similarity: float = DUPLICATE_SIMILARITY
) -> Mask:
    """Find rows that are nearly the same as an earlier one of their class.

    Args:
        embeddings: ``(N, D)`` float32, unit norm.
        labels: Classes, ``(N,)`` int64.
        similarity: From this cosine on, two rows are nearly the same.

    Returns:
        ``(N,)`` bool.
    """
    marks = np.zeros(len(labels), dtype=np.bool_)
    # FAISS finds what is above its radius, and the smallest float below includes the bound.
    radius = float(np.nextafter(np.float32(similarity), np.float32(-1)))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        index = faiss.IndexFlatIP(embeddings.shape[1])
        of_class = np.ascontiguousarray(embeddings[rows], dtype=np.float32)
        index.add(of_class)
        bounds, _, found = index.range_search(of_class, radius)
        counts: Integers = bounds[1:].astype(np.int64) - bounds[:-1].astype(np.int64)
        asking = np.repeat(np.arange(len(rows)), counts)
        marks[rows[asking[found < asking]]] = True
    return marks


def mark_near_duplicates(out: Path) -> int:
    """Fill the column `near_duplicate` of a bank whose shards are all finished.

    May be interrupted and called again: the marks follow from the rows alone.

    Returns:
        How many rows are marked.
    """
    shards = sorted(finished_shards(out))
    labels = [read_shard(out, k, ["label"])["label"].to_numpy() for k in shards]
    blocks = [
        chosen_embeddings(embeddings_path(out, k), len(part))
        for k, part in zip(shards, labels, strict=True)
        if len(part)
    ]
    if not blocks:
        return 0
    marks = near_duplicates(np.concatenate(blocks), np.concatenate(labels))
    ends = np.cumsum([len(part) for part in labels])
    for shard, mine in zip(shards, np.split(marks, ends[:-1]), strict=True):
        there = read_shard(out, shard, ["near_duplicate"])["near_duplicate"]
        if there.to_pylist() != mine.tolist():
            replace_shard(out, shard, "near_duplicate", pa.array(mine))
    return int(marks.sum())
