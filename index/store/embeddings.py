"""The embeddings beside a shard: what its r* were chosen from, and the chosen images.

They are what makes a finished pair worth keeping: when images are added and centroids move, r* and
the quality columns are computed again from them, without any network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from genie_transforms.format import read_shard, write_shard
from index.embed import Doubles, Embeddings

_SCHEMA = pa.schema(
    [
        ("key", pa.string()),  # see `pair_key`
        # Flat and of any length, since R differs: a sweep, its preview, or one predicted r*.
        ("embeddings", pa.list_(pa.float32())),  # (R + 1, D): what r* is from, the chosen image
        ("centroid", pa.list_(pa.float64())),  # of the target, when r* was chosen
    ]
)


def embeddings_path(out: Path, index: int) -> Path:
    """Return the file beside a shard that holds its embeddings: `embeddings/00000.arrow`."""
    return out / "embeddings" / f"{index:05d}.arrow"


def write_embeddings(
    path: Path,
    keys: Sequence[str],
    embeddings: Sequence[Embeddings],
    centroids: Sequence[Doubles],
) -> dict[str, Any]:
    """Write the embeddings of a shard, in the order of its rows (see `FinishedPair`).

    Args:
        path: The file.
        keys: Key of each pair.
        embeddings: ``(R + 1, D)`` float32 each.
        centroids: Of each pair's target, ``(D,)`` float64.

    Returns:
        Name, rows and SHA-256 of the file, for the shard's stats.
    """
    flat = [block.ravel() for block in embeddings]
    columns = [list(keys), flat, list(centroids)]
    arrays = [pa.array(c, field.type) for c, field in zip(columns, _SCHEMA, strict=True)]
    return write_shard(path, pa.table(arrays, schema=_SCHEMA))


def chosen_embeddings(path: Path, num_rows: int) -> Embeddings:
    """Read the embeddings of the chosen images of a shard, ``(num_rows, D)`` float32.

    Args:
        path: What `write_embeddings` wrote.
        num_rows: Rows of the shard.

    Raises:
        ValueError: The file belongs to other rows.
    """
    table = read_shard(path)
    if table.num_rows != num_rows:
        raise ValueError(f"{path} holds {table.num_rows} pairs, its shard {num_rows}: delete both")
    # The centroid tells D, which is not written: the last D numbers are the chosen image's.
    blocks = zip(table["embeddings"], table["centroid"], strict=True)
    rows = [np.float32(block.values.to_numpy()[-len(centroid) :]) for block, centroid in blocks]
    return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)
