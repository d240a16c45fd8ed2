"""Finished pairs kept for later builds: their rows, and the embeddings of their sweeps.

A store is a folder of finished shards, each with the embeddings that its r* were chosen from.
Files are named by what they hold and never changed, so that many builds may add to a store at
once; where the file system allows it they are hard links and cost nothing. A bank sets its own
shards aside in such a store when its plan grows, and `--cache` shares one between banks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from genie_transforms.format import write_shard
from index.embed import Doubles, Embeddings

from .pairs import _open

_SCHEMA = pa.schema(
    [
        ("key", pa.string()),  # see `pair_key`
        ("embeddings", pa.list_(pa.float32())),  # (R + 1, D), flat: the sweep, the chosen image
        ("centroid", pa.list_(pa.float64())),  # of the target, when r* was chosen
    ]
)


def embeddings_path(out: Path, index: int) -> Path:
    """Give the file beside a shard that holds its embeddings: `embeddings/00000.arrow`."""
    return out / "embeddings" / f"{index:05d}.arrow"


def write_embeddings(
    path: Path,
    keys: Sequence[str],
    embeddings: Sequence[Embeddings],
    centroids: Sequence[Doubles],
) -> None:
    """Write the embeddings of a shard, in the order of its rows; see `Made`."""
    flat = [block.ravel() for block in embeddings]
    columns = [list(keys), flat, list(centroids)]
    arrays = [pa.array(c, field.type) for c, field in zip(columns, _SCHEMA, strict=True)]
    write_shard(path, pa.table(arrays, schema=_SCHEMA))


def chosen_embeddings(path: Path, num_rows: int) -> Embeddings:
    """Read the embeddings of the chosen images of a shard, ``(num_rows, D)`` float32.

    Args:
        path: What `write_embeddings` wrote.
        num_rows: Rows of the shard.

    Raises:
        ValueError: The file belongs to other rows.
    """
    table = _open(path)
    if table.num_rows != num_rows:
        raise ValueError(f"{path} holds {table.num_rows} pairs, its shard {num_rows}: delete both")
    blocks = zip(table["embeddings"], table["centroid"], strict=True)
    rows = [np.float32(block.values.to_numpy()[-len(centroid) :]) for block, centroid in blocks]
    return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)
