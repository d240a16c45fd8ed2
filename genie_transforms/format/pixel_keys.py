"""Fast keys of the source images, and what they are called: `index/pixel_keys.arrow`.

An image is called by its `source_digest`: rows have that, and seeds come from it. To compute it
takes longer than all else that a transform does to an image, so an image alone is first looked for
by its `pixel_key`, which leads to the digest. What is not found here is looked for by its digest,
so that a bank may have these keys of none or only some of its sources.
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
from genie_transforms._pixel_key import NUM_KEY_BYTES, PIXEL_HASH

from .files import atomic_path, sha256_of
from .shards import read_block

PIXEL_KEYS = "index/pixel_keys.arrow"

_KEY = f"S{NUM_KEY_BYTES}"  # NumPy pads with zeros where it compares, and so does Arrow's order
_TYPE = pa.binary(NUM_KEY_BYTES)
_SCHEMA = pa.schema([("key", _TYPE), ("digest", _TYPE)])

Keys = npt.NDArray[np.bytes_]


@dataclass(frozen=True, eq=False)
class PixelKeys:
    """Pixel keys of images and their digests.

    Attributes:
        keys: ``(N,)`` pixel keys of 16 bytes, ascending, each once.
        digests: ``(N,)``, the first half of the SHA-256 of the same images.
    """

    keys: Keys
    digests: Keys

    @classmethod
    def of(cls, keys: Sequence[bytes], digests: Sequence[str]) -> PixelKeys:
        """Take images in any order and any number of times.

        Args:
            keys: As from `pixel_key`, 16 bytes each.
            digests: As from `source_digest`, 32 hexadecimal digits each.

        Raises:
            ValueError: A key or a digest is none, or there is another number of them.
        """
        raw = [b"".join(keys), bytes.fromhex("".join(digests))]
        wrong = any(len(key) != NUM_KEY_BYTES for key in keys)
        if wrong or any(len(digest) != 2 * NUM_KEY_BYTES for digest in digests):
            raise ValueError(f"a key must have {NUM_KEY_BYTES} bytes, and a digest twice as many")
        found = [np.frombuffer(data, dtype=_KEY) for data in raw]
        if len(found[0]) != len(found[1]):
            raise ValueError(f"{len(found[0])} keys but {len(found[1])} digests")
        return _collapse(*found)

    @classmethod
    def union(cls, parts: Sequence[PixelKeys]) -> PixelKeys:
        """Take the images of all parts."""
        empty = np.zeros(0, dtype=_KEY)
        return _collapse(
            np.concatenate([empty, *(part.keys for part in parts)]),
            np.concatenate([empty, *(part.digests for part in parts)]),
        )

    def __len__(self) -> int:
        """Count the images."""
        return len(self.keys)

    def find(self, key: bytes) -> str | None:
        """Return the `source_digest` of the image with a key; None if it is not there."""
        sought = np.array(key, dtype=_KEY)
        place = int(self.keys.searchsorted(sought))
        if place == len(self.keys) or self.keys[place] != sought:
            return None
        # NumPy leaves out zeros at the end of such a string.
        return bytes(self.digests[place]).ljust(NUM_KEY_BYTES, b"\0").hex()

    def write(self, path: Path) -> dict[str, Any]:
        """Write the file, atomically; the same images give the same bytes.

        Returns:
            The manifest's entry, `hash`, `images` and `sha256`.
        """
        columns = [
            pa.Array.from_buffers(
                _TYPE, len(self), [None, pa.py_buffer(np.ascontiguousarray(column))]
            )
            for column in (self.keys, self.digests)
        ]
        with atomic_path(path) as temporary:
            with pa.ipc.new_file(str(temporary), _SCHEMA) as writer:
                writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))
            return {"hash": PIXEL_HASH, "images": len(self), "sha256": sha256_of(temporary)}

    @classmethod
    def read(cls, path: Path, entry: Mapping[str, Any]) -> PixelKeys:
        """Map the file; its pages are read when they are touched.

        Args:
            path: The file.
            entry: What the manifest says of it.

        Raises:
            BankFormatError: It is missing, damaged, or of another number of images.
        """
        try:
            batch = read_block(path)
            if batch.schema != _SCHEMA or any(column.null_count for column in batch.columns):
                raise ValueError("it has other columns, or rows without a value")
            buffers = [column.buffers()[1] for column in batch.columns]
            keys, digests = (
                np.frombuffer(data, dtype=_KEY, count=batch.num_rows) for data in buffers
            )
        except (TypeError, ValueError) as error:  # TypeError: of no rows, there may be no buffer
            raise BankFormatError(f"{path} is damaged ({error}): rebuild the bank") from error
        if len(keys) != entry.get("images"):
            raise BankFormatError(
                f"{path} holds {len(keys)} images, the manifest says {entry.get('images')}: "
                f"rebuild the bank"
            )
        return cls(keys, digests)

    def problems(self) -> list[str]:
        """Say what would keep images from being found; nothing if all is well."""
        sound = bool((self.keys[1:] > self.keys[:-1]).all())
        return [] if sound else ["pixel keys do not ascend, so that images are not found by them"]


def _collapse(keys: Keys, digests: Keys) -> PixelKeys:
    """Sort images by key and keep each once; none whose key is that of other images, too."""
    order = np.lexsort((digests, keys))
    keys, digests = keys[order], digests[order]
    if not len(keys):
        return PixelKeys(keys, digests)
    new = keys[1:] != keys[:-1]
    starts = np.flatnonzero(np.concatenate(([True], new)))
    ends = np.append(starts[1:], len(keys)) - 1
    alone = starts[digests[starts] == digests[ends]]
    return PixelKeys(keys[alone], digests[alone])
