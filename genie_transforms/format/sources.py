"""The source images that a bank knows, also those without a row: `index/sources.arrow`.

An Arrow IPC *file* of one record batch, sorted by content key, mapped and searched as it lies on
disk: it opens in the same time for ten images as for millions, and workers share its pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genie_transforms._errors import BankFormatError

from .files import atomic_path, sha256_of
from .shards import read_block

SOURCES = "index/sources.arrow"
AMBIGUOUS = -1
"""Stands for the label of an image that is there in two classes."""

Keys = npt.NDArray[np.bytes_]
Labels = npt.NDArray[np.int32]

_NUM_BYTES = 16
_KEY = f"S{_NUM_BYTES}"  # NumPy compares such strings as if padded with zeros, so in Arrow's order
_SCHEMA = pa.schema([("digest", pa.binary(_NUM_BYTES)), ("label", pa.int32())])


@dataclass(frozen=True, eq=False)
class KnownSources:
    """Content keys and classes of source images.

    Attributes:
        keys: ``(N,)`` content keys of 16 bytes, ascending, each once.
        labels: ``(N,)`` int32, their classes; `AMBIGUOUS` where an image is there in two.
    """

    keys: Keys
    labels: Labels

    @classmethod
    def of(cls, digests: Sequence[str], labels: npt.ArrayLike) -> KnownSources:
        """Take images by their content keys, in any order and any number of times.

        Args:
            digests: As from `source_digest`, 32 hexadecimal digits each.
            labels: Their classes, ``(N,)`` integers.

        Raises:
            ValueError: A digest is none, or there is another number of labels.
        """
        raw = bytes.fromhex("".join(digests))
        if any(len(digest) != 2 * _NUM_BYTES for digest in digests):
            raise ValueError(f"a digest must have {2 * _NUM_BYTES} hexadecimal digits")
        return _collapse(np.frombuffer(raw, dtype=_KEY), np.asarray(labels, dtype=np.int32))

    @classmethod
    def union(cls, parts: Sequence[KnownSources]) -> KnownSources:
        """Take the images of all parts; one that has another class in each is ambiguous."""
        keys = [np.zeros(0, dtype=_KEY), *(part.keys for part in parts)]
        labels = [np.zeros(0, dtype=np.int32), *(part.labels for part in parts)]
        return _collapse(np.concatenate(keys), np.concatenate(labels))

    def __len__(self) -> int:
        """Count the images."""
        return len(self.keys)

    @property
    def num_ambiguous(self) -> int:
        """Images that are there in two classes."""
        return int(np.count_nonzero(self.labels == AMBIGUOUS))

    def find(self, digest: str) -> int | None:
        """Return the class of an image, `AMBIGUOUS` if it has two; None if it is not there."""
        key = np.array(bytes.fromhex(digest), dtype=_KEY)
        place = int(np.searchsorted(self.keys, key))
        if place == len(self.keys) or self.keys[place] != key:
            return None
        return int(self.labels[place])

    def renumbered(self, numbers: Sequence[int]) -> KnownSources:
        """Return the same images with class i as class `numbers[i]`."""
        # One more at the end, which is where the label -1 looks.
        table = np.array([*numbers, AMBIGUOUS], dtype=np.int32)
        return KnownSources(self.keys, table[self.labels])

    def write(self, path: Path) -> dict[str, Any]:
        """Write the file, atomically; the same images give the same bytes.

        Returns:
            The manifest's entry, `images` and `sha256`.
        """
        keys = pa.py_buffer(np.ascontiguousarray(self.keys))
        digests = pa.Array.from_buffers(_SCHEMA.field("digest").type, len(self), [None, keys])
        batch = pa.record_batch([digests, pa.array(self.labels, pa.int32())], schema=_SCHEMA)
        with atomic_path(path) as temporary:
            with pa.ipc.new_file(str(temporary), _SCHEMA) as writer:
                writer.write_batch(batch)
            return {"images": len(self), "sha256": sha256_of(temporary)}

    @classmethod
    def read(cls, path: Path, entry: Mapping[str, Any], num_classes: int) -> KnownSources:
        """Map the file; its pages are read when they are touched.

        Args:
            path: The file.
            entry: What the manifest says of it.
            num_classes: Classes of the bank.

        Raises:
            BankFormatError: It is missing, damaged, or of other images or classes than these.
        """
        try:
            batch = read_block(path)
            if batch.schema != _SCHEMA or any(column.null_count for column in batch.columns):
                raise ValueError("it has other columns, or rows without a value")
            digests, classes = (column.buffers()[1] for column in batch.columns)
            keys = np.frombuffer(digests, dtype=_KEY, count=batch.num_rows)
            labels = np.frombuffer(classes, dtype=np.int32, count=batch.num_rows)
        except (TypeError, ValueError) as error:  # TypeError: of no rows, there may be no buffer
            raise BankFormatError(f"{path} is damaged ({error}): rebuild the bank") from error
        if len(keys) != entry.get("images"):
            raise BankFormatError(
                f"{path} holds {len(keys)} images, the manifest says {entry.get('images')}: "
                f"rebuild the bank"
            )
        if len(labels) and not AMBIGUOUS <= labels.min() <= labels.max() < num_classes:
            raise BankFormatError(
                f"{path} has labels outside the {num_classes} classes: rebuild the bank"
            )
        return cls(keys, labels)

    def problems(self) -> list[str]:
        """Say what would keep images from being found; nothing if all is well."""
        sound = bool((self.keys[1:] > self.keys[:-1]).all())
        return [] if sound else ["content keys do not ascend, so that images are not found"]


def _collapse(keys: Keys, labels: Labels) -> KnownSources:
    """Sort images by content key and keep each once, with its one class."""
    if len(keys) != len(labels):
        raise ValueError(f"{len(keys)} digests but {len(labels)} labels")
    order = np.argsort(keys, kind="stable")
    keys, labels = keys[order], labels[order]
    if not len(keys):
        return KnownSources(keys, labels)
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    lowest, highest = np.minimum.reduceat(labels, starts), np.maximum.reduceat(labels, starts)
    merged = np.where(lowest == highest, lowest, AMBIGUOUS).astype(np.int32)
    return KnownSources(keys[starts], merged)
