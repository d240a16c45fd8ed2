"""Vectors as they were given, beside any FAISS index: a code is not what it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from genie_transforms import UserError
from genie_transforms.format import atomic_path

from .search import Embeddings


class ExactVectors:
    """Vectors in the order of adding, in memory or mapped from a file.

    Args:
        vectors: The first ones, ``(N, D)`` float32.
    """

    def __init__(self, vectors: Embeddings) -> None:
        self._blocks = [vectors]

    def add(self, vectors: Embeddings) -> None:
        """Add a copy of vectors, ``(N, D)`` float32."""
        self._blocks.append(vectors.copy())

    def all(self) -> Embeddings:
        """Return all vectors, ``(N, D)`` float32, without a copy if none was added since."""
        if len(self._blocks) > 1:
            self._blocks = [np.concatenate(self._blocks)]
        return self._blocks[0]

    def save(self, path: Path) -> None:
        """Write a .npy file, whole or not at all."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, self.all(), allow_pickle=False)

    @classmethod
    def load(cls, path: Path, shape: tuple[int, int]) -> ExactVectors:
        """Map a file that `save` wrote; its vectors are read when they are used.

        Raises:
            UserError: The file is damaged, or holds others than ``shape`` says.
        """
        try:
            vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        except (EOFError, ValueError) as error:
            raise UserError(f"{path} is damaged ({error}): save the index again") from error
        if vectors.shape != shape or vectors.dtype != np.float32:
            raise UserError(
                f"{path} holds vectors {vectors.shape} of {vectors.dtype}, the index beside it "
                f"{shape} of float32: save the index again"
            )
        return cls(vectors)


def is_compressed(index: Any) -> bool:
    """Return whether a FAISS index gives back other vectors than it was given."""
    inner = faiss.downcast_index(index)
    return not isinstance(inner, (faiss.IndexFlat, faiss.IndexHNSWFlat, faiss.IndexIVFFlat))


def held_vectors(index: Any) -> Embeddings:
    """Return the vectors of a FAISS index that is not compressed, in the order of adding.

    Returns:
        ``(N, D)`` float32; of a flat index its own memory, valid until vectors are added.
    """
    inner = faiss.downcast_index(index)
    if not isinstance(inner, faiss.IndexFlat):
        copied: Embeddings = inner.reconstruct_n(0, inner.ntotal)
        return copied
    if not inner.ntotal:
        return np.zeros((0, inner.d), dtype=np.float32)
    numbers = faiss.rev_swig_ptr(inner.get_xb(), inner.ntotal * inner.d)
    view: Embeddings = numbers.reshape(inner.ntotal, inner.d)
    view.flags.writeable = False
    return view
