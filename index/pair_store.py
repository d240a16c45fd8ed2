"""Finished pairs kept for later builds: their rows, and the embeddings of their sweeps.

A store is a folder of finished shards, each with the embeddings that its r* were chosen from.
Files are named by what they hold and never changed, so that many builds may add to a store at
once; where the file system allows it they are hard links and cost nothing. A bank sets its own
shards aside in such a store when its plan grows, and `--cache` shares one between banks.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .centroids import Doubles, Embeddings
from .whole import link_or_copy, write_whole

_ROWS, _EMBEDDINGS = ".rows.arrow", ".embeddings.arrow"
_SCHEMA = pa.schema(
    [
        ("key", pa.string()),  # see `pair_key`
        ("embeddings", pa.list_(pa.float32())),  # (R + 1, D), flat: the sweep, the chosen image
        ("centroid", pa.list_(pa.float64())),  # of the target, when r* was chosen
    ]
)


@dataclass(frozen=True)
class Made:
    """A pair that was made before.

    Attributes:
        row: Its columns in the bank that it was made for.
        embeddings: ``(R + 1, D)`` float32: what r* was chosen from, then the chosen image.
        centroid: Of the target when r* was chosen, ``(D,)`` float64.
    """

    row: dict[str, Any]
    embeddings: Embeddings
    centroid: Doubles


def pair_key(digest: str, target: str, variation: int, prompt: str) -> str:
    """Name a pair by what it is: 32 hexadecimal digits.

    Numbers of classes and places in a data set change when images and classes are added; content
    keys and names do not.

    Args:
        digest: Content key of the source image.
        target: Name of the target class.
        variation: Number of the repetition, from 0.
        prompt: What the model is told.
    """
    parts = (digest, target, str(variation), prompt)
    # Lengths go in front: ("ab", "c") and ("a", "bc") are different pairs.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


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
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA) as writer:
        writer.write_table(pa.table(arrays, schema=_SCHEMA))
    write_whole(path, sink.getvalue().to_pybytes())


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


class PairStore:
    """Finished pairs in a folder, found by `pair_key`.

    Args:
        folder: Where they are (see `keep_shard`); empty if there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, list[tuple[Path, Path, int]]] = defaultdict(list)
        # Plans are sorted by source, so neighbours lie together.
        self._read = lru_cache(maxsize=32)(_open)
        for path in sorted(folder.glob(f"*{_EMBEDDINGS}")):
            self.include(path.with_name(path.name.replace(_EMBEDDINGS, _ROWS)), path)

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self._places)

    def keys(self) -> set[str]:
        """Give the keys of all pairs."""
        return set(self._places)

    def get(self, key: str) -> list[Made]:
        """Read a pair as often as it was made; more than once if its r* went stale."""
        return [self._made(*place) for place in self._places.get(key, [])]

    def include(self, rows: Path, embeddings: Path) -> None:
        """Find the pairs of a finished shard, too, without adding it to the folder."""
        for number, key in enumerate(_open(embeddings)["key"].to_pylist()):
            self._places[key].append((rows, embeddings, number))

    def _made(self, rows: Path, embeddings: Path, number: int) -> Made:
        row: dict[str, Any] = self._read(rows).slice(number, 1).to_pylist()[0]
        found = self._read(embeddings)
        centroid = found["centroid"][number].values.to_numpy()
        flat = found["embeddings"][number].values.to_numpy()
        return Made(row, flat.reshape(-1, len(centroid)), centroid)


def keep_shard(folder: Path, rows: Path, embeddings: Path) -> None:
    """Add a finished shard to the folder of a store; stores that are opened later find it.

    Args:
        folder: Of the store.
        rows: The shard.
        embeddings: What `write_embeddings` wrote beside it. They name both files: marks that a
            whole bank puts on its rows do not make other pairs of them.
    """
    with embeddings.open("rb") as file:
        name = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    link_or_copy(rows, folder / (name + _ROWS))
    link_or_copy(embeddings, folder / (name + _EMBEDDINGS))  # last: a store looks for this one


def _open(path: Path) -> pa.Table:
    """Map an Arrow stream file."""
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()
