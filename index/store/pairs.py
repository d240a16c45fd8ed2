"""Finished pairs kept for later builds: their rows, and the embeddings of their sweeps.

A store is a folder of finished shards, each with the embeddings that its r* were chosen from.
Files are named by their content and never changed, so that many builds may add to a store at
once; where the file system allows it they are hard links and cost nothing. A bank sets its own
shards aside in such a store when its plan grows, and `--cache` shares one between banks.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms import BankError
from genie_transforms.format import link_or_copy, read_shard, sha256_of
from index.embed import Doubles, Embeddings

from .embeddings import embeddings_path
from .shards import shard_path

logger = logging.getLogger("genie.build")

_ROWS, _EMBEDDINGS = ".rows.arrow", ".embeddings.arrow"


@dataclass(frozen=True)
class FinishedPair:
    """A pair that was made before.

    Attributes:
        row: Its columns in the bank that it was made for.
        embeddings: ``(R + 1, D)`` float32: what r* was chosen from, then the chosen image.
        centroid: Of the target when r* was chosen, ``(D,)`` float64.
    """

    row: dict[str, Any]
    embeddings: Embeddings
    centroid: Doubles


class PairStore:
    """Finished pairs in a folder, found by `pair_key`.

    Args:
        folder: Where they are (see `keep_shard`); empty if there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, list[tuple[Path, Path, int]]] = defaultdict(list)
        # Plans are sorted by source, so pairs that are asked for in turn lie in the same few files.
        self._read = lru_cache(maxsize=32)(read_shard)
        # By embeddings, which a shard gets last: with them it is there as a whole.
        for path in sorted(folder.glob(f"*{_EMBEDDINGS}")):
            rows = path.with_name(path.name.replace(_EMBEDDINGS, _ROWS))
            try:
                read_shard(rows)
                self.include(rows, path)
            except BankError as error:
                logger.warning("finished pairs are made again: %s", error)

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self._places)

    def keys(self) -> set[str]:
        """Return the keys of all pairs."""
        return set(self._places)

    def get(self, key: str) -> list[FinishedPair]:
        """Read a pair as often as it was made; more than once if its r* went stale."""
        return [self._pair(*place) for place in self._places.get(key, [])]

    def include(self, rows: Path, embeddings: Path) -> None:
        """Find the pairs of a finished shard, too, without adding it to the folder.

        Args:
            rows: The shard.
            embeddings: What `write_embeddings` wrote beside it, in the order of its rows.
        """
        # Not through the cache of open files: every file of the folder passes here once.
        for number, key in enumerate(read_shard(embeddings)["key"].to_pylist()):
            self._places[key].append((rows, embeddings, number))

    def _pair(self, rows: Path, embeddings: Path, number: int) -> FinishedPair:
        return _pair(self._read(rows), self._read(embeddings), number)


def pairs_of_shard(out: Path, index: int) -> list[FinishedPair]:
    """Read all pairs of a finished shard of a bank, in the order of its rows."""
    rows, embeddings = read_shard(shard_path(out, index)), read_shard(embeddings_path(out, index))
    return [_pair(rows, embeddings, number) for number in range(rows.num_rows)]


def _pair(rows: pa.Table, embeddings: pa.Table, number: int) -> FinishedPair:
    row: dict[str, Any] = rows.slice(number, 1).to_pylist()[0]
    centroid = embeddings["centroid"][number].values.to_numpy()
    flat = embeddings["embeddings"][number].values.to_numpy()
    # R is not written: it follows from D, the centroid's length.
    return FinishedPair(row, flat.reshape(-1, len(centroid)), centroid)


def keep_shard(folder: Path, rows: Path, embeddings: Path) -> None:
    """Add a finished shard to the folder of a store; stores that are opened later find it.

    Args:
        folder: Of the store.
        rows: The shard.
        embeddings: What `write_embeddings` wrote beside it.
    """
    # Embeddings name both files. The rows could not: a bank marks near-duplicates in them later,
    # and the same pairs would be kept twice.
    name = sha256_of(embeddings)[:32]
    link_or_copy(rows, folder / (name + _ROWS))
    # Last, since a store looks for this one: another build may be reading the folder right now.
    link_or_copy(embeddings, folder / (name + _EMBEDDINGS))
