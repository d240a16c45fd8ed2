"""Mark rows that are nearly identical to an earlier one of their class."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from index.embed import DUPLICATE_SIMILARITY, Embeddings, Integers

from .embeddings import chosen_embeddings, embeddings_path
from .shards import finished_shards, num_rows, read_table, replace_shard

Mask = npt.NDArray[np.bool_]


def near_duplicates(
    embeddings: Embeddings, labels: Integers, similarity: float = DUPLICATE_SIMILARITY
) -> Mask:
    """Find rows that are nearly identical to an earlier one of their class.

    Args:
        embeddings: ``(N, D)`` float32, unit norm.
        labels: Classes, ``(N,)`` int64.
        similarity: From this cosine on, two rows are nearly identical.

    Returns:
        ``(N,)`` bool.
    """
    marks = np.zeros(len(labels), dtype=np.bool_)
    # FAISS finds what is above its radius, and the next smaller float32 includes the bound.
    radius = float(np.nextafter(np.float32(similarity), np.float32(-1)))
    # One exact index a class: rows of different classes are never compared.
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        index = faiss.IndexFlatIP(embeddings.shape[1])
        of_class = np.ascontiguousarray(embeddings[rows], dtype=np.float32)
        index.add(of_class)
        bounds, _, found = index.range_search(of_class, radius)
        # FAISS counts in unsigned numbers, of which no difference should be taken.
        counts: Integers = bounds[1:].astype(np.int64) - bounds[:-1].astype(np.int64)
        asking = np.repeat(np.arange(len(rows)), counts)
        # Each row finds itself, and each pair is found from both sides: the later one is marked.
        marks[rows[asking[found < asking]]] = True
    return marks


def mark_near_duplicates(out: Path, table: pa.Table | None = None) -> pa.Table:
    """Mark the near-duplicates of a bank whose shards are all finished, on disk and in its table.

    May be interrupted and called again: the marks follow from the rows alone.

    Args:
        out: Folder of the bank.
        table: All its rows, as `read_table` returns them, with at least the columns `label` and
            `near_duplicate`; these are read if no table is given.

    Returns:
        The table with the marks.

    Raises:
        ValueError: The table or the embeddings belong to other rows.
    """
    if table is None:
        table = read_table(out, ["label", "near_duplicate"])
    shards = sorted(finished_shards(out))
    sizes = [num_rows(out, shard) for shard in shards]
    if table.num_rows != sum(sizes):
        raise ValueError(f"the table has {table.num_rows} rows, the bank in {out} {sum(sizes)}")
    if not table.num_rows:
        return table
    # Of the images as they were generated: a stored image is encoded, and may be smaller.
    blocks = [
        chosen_embeddings(embeddings_path(out, shard), size)
        for shard, size in zip(shards, sizes, strict=True)
        if size
    ]
    marks = near_duplicates(np.concatenate(blocks), table["label"].to_numpy())
    bounds = np.cumsum(sizes)[:-1]
    written = np.split(table["near_duplicate"].to_numpy(), bounds)
    for shard, new, old in zip(shards, np.split(marks, bounds), written, strict=True):
        # A shard is written again as a whole: only where its marks have changed.
        if not np.array_equal(new, old):
            replace_shard(out, shard, "near_duplicate", pa.array(new))
    place = table.schema.get_field_index("near_duplicate")
    return table.set_column(place, table.schema.field(place), pa.array(marks))
