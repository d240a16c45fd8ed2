"""The embeddings of source images, block by block: what is embedded once is not embedded again.

A block is a file named by the images that it is of, their embedding and their order, so that
another plan or another number of processes finds it. It says of each image which file it was read
from, when that was changed, and the digest of its pixels. It is an Arrow stream; behind its end,
where no reader looks, stands the SHA-256 of all that is before.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from genie_transforms.format import atomic_write
from index.embed import Embeddings

from .layout import SOURCES

logger = logging.getLogger("genie.build")

_DIGEST = 32
"""Bytes of a SHA-256."""


@dataclass(frozen=True)
class SourceBlock:
    """Source images that were embedded together.

    Attributes:
        ids: Names of the images.
        stamps: Of the file of each, when it was read: size and time; "" where there is no file.
        digests: Content keys of their pixels, as training reads them.
        pixel_keys: Fast keys of the same pixels; empty where an earlier version did not make them.
        shown: Content keys of what was embedded: upright, scaled and cropped.
        embeddings: ``(N, D)`` float32.
        problems: Why an image cannot be used; "" if it can. Of one that cannot there is no more
            than its name and this.
    """

    ids: Sequence[str]
    stamps: Sequence[str]
    digests: Sequence[str]
    pixel_keys: Sequence[bytes]
    shown: Sequence[str]
    embeddings: Embeddings
    problems: Sequence[str]


class SourceBlocks:
    """The blocks of a bank.

    Args:
        out: Folder of the bank.
        scope: What decides the embedding of an image beside its pixels, ready for JSON.
    """

    def __init__(self, out: Path, scope: Any) -> None:
        self.folder = out / SOURCES
        self._scope = json.dumps(scope, sort_keys=True)

    def path(self, ids: Sequence[str]) -> Path:
        """Return the file of the block of some images."""
        name = hashlib.sha256(json.dumps([self._scope, *ids]).encode()).hexdigest()[:32]
        return self.folder / f"{name}.arrow"

    def read(self, ids: Sequence[str]) -> SourceBlock | None:
        """Read the block of some images; None if it is not there, or is damaged."""
        path = self.path(ids)
        found = self._read(path) if path.exists() else None
        return found if found is not None and list(found.ids) == list(ids) else None

    def others(self, blocks: Iterable[Sequence[str]]) -> list[SourceBlock]:
        """Read the blocks that are not among these: of the images before some came or went."""
        known = {self.path(ids) for ids in blocks}
        paths = sorted(set(self.folder.glob("*.arrow")) - known)
        return [block for path in paths if (block := self._read(path)) is not None]

    def write(self, block: SourceBlock) -> None:
        """Write a block, atomically."""
        vectors = np.ascontiguousarray(block.embeddings, dtype=np.float32)
        names = (block.ids, block.stamps, block.digests, block.shown, block.problems)
        columns = [*map(list, names), list(block.pixel_keys), list(vectors)]
        schema = pa.schema(
            [
                ("id", pa.string()),
                ("stamp", pa.string()),
                ("digest", pa.string()),
                ("shown", pa.string()),
                ("problem", pa.string()),
                ("pixel_key", pa.binary()),
                ("embedding", pa.list_(pa.float32(), vectors.shape[1])),
            ],
            metadata={b"scope": self._scope.encode()},
        )
        arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_table(pa.table(arrays, schema=schema))
        data = sink.getvalue().to_pybytes()
        atomic_write(self.path(block.ids), data + hashlib.sha256(data).digest())

    def keep_only(self, blocks: Iterable[Sequence[str]]) -> None:
        """Remove all blocks but these."""
        known = {self.path(ids) for ids in blocks}
        for path in self.folder.glob("*.arrow"):
            if path not in known:
                path.unlink()

    def _read(self, path: Path) -> SourceBlock | None:
        data = path.read_bytes()
        if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
            logger.warning("%s is damaged: its images are embedded again", path)
            return None
        table = pa.ipc.open_stream(data[:-_DIGEST]).read_all()
        if table.schema.metadata[b"scope"] != self._scope.encode():
            return None  # of another backbone
        flat = table["embedding"].combine_chunks().flatten().to_numpy()
        names = ("id", "stamp", "digest", "shown", "problem")
        ids, stamps, digests, shown, problems = (table[name].to_pylist() for name in names)
        has_keys = "pixel_key" in table.column_names
        keys = table["pixel_key"].to_pylist() if has_keys else [b""] * len(ids)
        vectors = flat.reshape(len(ids), -1)
        return SourceBlock(ids, stamps, digests, keys, shown, vectors, problems)
