"""The decoded cache: every image of a bank as raw pixels in one memory-mapped array."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genie_transforms._digest import Pixels
from genie_transforms._errors import BankError
from genie_transforms.format import Manifest, Size, atomic_path, remove_temporaries

from .lookup import RowNumbers

logger = logging.getLogger("genie.bank")

_SAMPLED_SHARDS = 8
_MOST_DIFFERENT = 4


class DecodedCache:
    """A ``(N, 3, H, W)`` uint8 array in a `.npy` file, mapped read-only in each process.

    Args:
        path: The file.
        rows_of_shards: Their numbers of rows; all rows on disk, whatever the filter, are N.
        size: H and W.
    """

    def __init__(self, path: Path, rows_of_shards: Sequence[int], size: Size) -> None:
        self.path = path
        self._samples, num_rows = _samples(rows_of_shards), sum(rows_of_shards)
        # Planes, as tensors have them: a row is one block of the file, and needs no transposing.
        self.shape = (num_rows, 3, *size)
        self._array: torch.Tensor | None = None

    @property
    def size(self) -> Size:
        """Height and width of the images."""
        return self.shape[2], self.shape[3]

    @classmethod
    def for_bank(cls, folder: Path, size: Size, manifest: Manifest) -> DecodedCache:
        """Return the cache for a size and the content of a bank; a rebuilt bank gets another."""
        # Shards are listed with their SHA-256, so the same rows in the same order share a file.
        content = repr([sorted(shard.items()) for shard in manifest.shards])
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        name = f"uint8-{size[0]}x{size[1]}-{key}.npy"
        return cls(folder / name, [shard["rows"] for shard in manifest.shards], size)

    def serves(self, size: Size) -> bool:
        """Tell whether the cached images have this size."""
        return self.size == size

    def planes(self, row: int) -> torch.Tensor:
        """Return one image, ``(3, H, W)`` uint8, as a view of the file: it must not be written."""
        return self._map()[row]

    def iter_arrays(self, rows: RowNumbers) -> Iterator[Pixels]:
        """Yield many images as `planes` returns them, but as arrays: their views cost a third."""
        array = self._map().numpy()
        return (array[row] for row in rows.tolist())

    def _map(self) -> torch.Tensor:
        """Map the file, once in each process."""
        if self._array is None:
            self._array = _map_read_only(self.path)
        return self._array

    def fill(self, decode: Callable[[int], torch.Tensor]) -> None:
        """Write the file unless a sound one is there: to a temporary name first, then renamed.

        Args:
            decode: Returns the pixels of a row, ``(3, H, W)`` uint8.

        Raises:
            BankError: The folder cannot be written.
        """
        if self._is_sound(decode):
            return
        logger.info(
            "decoding %d images into %s: %.1f GB",
            *(self.shape[0], self.path, np.prod(self.shape, dtype=np.float64) / 1e9),
        )
        try:
            remove_temporaries(self.path.parent, of=self.path.name)
            self._write(decode)
        except OSError as error:
            raise BankError(
                f"cannot write the decoded cache {self.path}: {error}. "
                f"Pass a folder with room that can be written: bank.decoded(size, folder=...)"
            ) from error
        self._array = None

    def _is_sound(self, decode: Callable[[int], torch.Tensor]) -> bool:
        """Tell whether the file is a whole array of these images; say so if it is another one."""
        if not self.path.is_file():
            return False
        try:
            found = np.lib.format.open_memmap(self.path, mode="r")  # reads its head alone
            what = f"{found.dtype} {found.shape}"
            whole = found.offset + found.nbytes == self.path.stat().st_size
            planes = found.dtype == np.uint8 and found.shape == self.shape
            if whole and planes and found.flags.c_contiguous:
                # Shards may not be those that the manifest lists, as in a bank copied in part.
                if all(_is_alike(found[row], decode(row).numpy()) for row in self._samples):
                    return True
                what = "it shows other images than the shards"
        except (OSError, ValueError, EOFError) as error:
            what = str(error)
        logger.warning(
            "the decoded cache %s is damaged or not ours (%s): it is made again", self.path, what
        )
        return False

    def _write(self, decode: Callable[[int], torch.Tensor]) -> None:
        """Decode all rows into a new file, wait until it is on disk, and rename it."""
        # Two processes may fill the cache at once: the last rename wins, and both wrote the same.
        with atomic_path(self.path) as temporary:
            array = np.lib.format.open_memmap(
                temporary, mode="w+", dtype=np.uint8, shape=self.shape
            )
            # A mapped file has no blocks until they are touched, and a full disk would then be a
            # bus error, which ends the process without a word.
            _reserve(temporary)
            for row in range(self.shape[0]):
                array[row] = decode(row).numpy()
            array.flush()
            del array  # Windows renames no file that is mapped

    def __getstate__(self) -> dict[str, Any]:
        """Leave the mapped array out: the next process maps the file itself."""
        return {**self.__dict__, "_array": None}


def _samples(rows_of_shards: Sequence[int]) -> list[int]:
    """Choose rows that tell whether shards are others: the first and last of up to eight."""
    ends = np.cumsum(rows_of_shards, dtype=np.int64)
    filled = np.flatnonzero(rows_of_shards)
    if not len(filled):
        return []
    chosen = filled[np.unique(np.linspace(0, len(filled) - 1, _SAMPLED_SHARDS).astype(np.int64))]
    firsts = ends[chosen] - np.asarray(rows_of_shards)[chosen]
    return sorted({*firsts.tolist(), *(ends[chosen] - 1).tolist()})


def _is_alike(cached: Pixels, decoded: Pixels) -> bool:
    """Tell whether two images are one, though libraries may differ by a few levels of 255."""
    return bool(np.abs(cached.astype(np.int16) - decoded).mean() < _MOST_DIFFERENT)


def _reserve(path: Path) -> None:
    """Reserve the space of a file that was made at its full length, where the system can."""
    if hasattr(os, "posix_fallocate"):
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _map_read_only(path: Path) -> torch.Tensor:
    """Map a `.npy` file as a tensor that must not be written.

    A private mapping (mode "c") could be written safely, but the kernel counts it as memory
    that may be needed, and refuses it for a cache larger than the machine's.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(np.load(path, mmap_mode="r"))
