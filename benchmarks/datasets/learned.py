"""Which images a generator learned from, in a file beside it.

They are known by their pixels. A name would not do: every folder is called `folder`, and a folder
may be moved, copied or changed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from .registry import LabelledSet

LEARNED = "learned.npy"


def write_learned(folder: Path, data: LabelledSet, rows: npt.NDArray[np.int64]) -> None:
    """Write what tells some images of a dataset from all others; see `LabelledSet.digests`."""
    np.save(folder / LEARNED, np.unique(data.digests[rows]))


def read_learned(model: str) -> npt.NDArray[np.bytes_] | None:
    """Return the digests of what a small pipeline learned from, unique and sorted.

    Args:
        model: The folder of the pipeline; the file lies beside it.

    Returns:
        None of a model that has no such file, as the hub's and older ones.
    """
    path = Path(model).expanduser().parent / LEARNED
    if not model or not path.is_file():
        return None
    digests: npt.NDArray[np.bytes_] = np.load(path)
    return digests
