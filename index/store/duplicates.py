"""Mark rows that hardly differ from an earlier one of their class."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from index.embed import DUPLICATE_SIMILARITY, Embeddings, Integers

from .embeddings import chosen_embeddings, embeddings_path
from .shards import read_stats, replace_shard

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


def mark_near_duplicates(out: Path, table: pa.Table) -> pa.Table:
    """Mark the near duplicates of a bank whose shards are all finished, on disk and in its table.

    May be interrupted and called again: the marks follow from the rows alone.

    Args:
        out: Folder of the bank.
        table: All its rows, in order, with the columns `label` and `near_duplicate`.

    Returns:
        The table with the marks.
    """
    sizes = [entry["shard"]["rows"] for entry in read_stats(out)]
    blocks = [
        chosen_embeddings(embeddings_path(out, shard), rows)
        for shard, rows in enumerate(sizes)
        if rows
    ]
    if not blocks:
        return table
    marks = near_duplicates(np.concatenate(blocks), table["label"].to_numpy())
    ends = np.cumsum(sizes)[:-1]
    before = np.split(table["near_duplicate"].to_numpy(), ends)
    for shard, (old, new) in enumerate(zip(before, np.split(marks, ends), strict=True)):
        if not np.array_equal(old, new):
            replace_shard(out, shard, "near_duplicate", pa.array(new))
    column = table.schema.get_field_index("near_duplicate")
    return table.set_column(column, table.schema.field(column), pa.array(marks))
