"""Mark rows that are nearly identical to an earlier one of their class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from index.embed import DUPLICATE_SIMILARITY, Embeddings, Integers, inner_products, nearest

from .embeddings import chosen_embeddings, embeddings_path
from .shards import finished_shards, num_rows, read_table, replace_shard

Mask = npt.NDArray[np.bool_]

_RUN = 32
"""Rows that are compared with each other outright."""


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
    order = np.argsort(labels, kind="stable")
    # Rows of different classes are never compared.
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        marks[rows] = _like_an_earlier(embeddings[rows], similarity)
    return marks


def _like_an_earlier(vectors: Embeddings, similarity: float) -> Mask:
    """Find the vectors ``(N, D)`` that are nearly identical to an earlier one, ``(N,)`` bool."""
    marks = np.zeros(len(vectors), dtype=np.bool_)
    for start in range(0, len(vectors), _RUN):
        run = vectors[start : start + _RUN]
        everyone = np.broadcast_to(np.arange(len(run)), (len(run), len(run)))
        near = inner_products(run, run, everyone) >= similarity
        marks[start : start + _RUN] = np.tril(near, -1).any(1)
    # Runs of twice the length: the later half asks for its nearest in the earlier one.
    length = _RUN
    while length < len(vectors):
        for start in range(0, len(vectors) - length, 2 * length):
            later = np.arange(start + length, min(start + 2 * length, len(vectors)))
            asking = later[~marks[later]]
            _, cosines = nearest(vectors[start : start + length], vectors[asking], 1)
            marks[asking] = cosines[:, 0] >= similarity
        length *= 2
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
