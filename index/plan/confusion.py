"""Confusion matrices: which classes a classifier mistakes for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genie_transforms import MissingFileError, UserError
from index.sources import read_csv

if TYPE_CHECKING:
    from index.embed import EmbeddingIndex  # heavy, and beside this room's settings

Integers = npt.NDArray[np.int64]

_BLOCK = 4096  # images that search at once


def most_confused(
    confusion: npt.NDArray[np.floating | np.integer],
    count: int,
    ranking: Integers | None = None,
) -> Integers:
    """Return the classes that each class is most often mistaken for.

    Args:
        confusion: Counts or rates, rows the true class, columns the predicted one, ``(C, C)``.
        count: K.
        ranking: Breaks ties, nearest first, ``(C, C - 1)``; by number of the class if not given.

    Returns:
        ``(C, K)`` int64, most confused first.

    Raises:
        UserError: The matrix is not square, has negative or not finite entries, or other classes
            than the ranking.
    """
    matrix = np.array(confusion, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise UserError(f"a confusion matrix is square, got shape {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise UserError("a confusion matrix holds counts or rates: found one negative or NaN")
    if ranking is not None and np.shape(ranking) != (len(matrix), len(matrix) - 1):
        raise UserError(
            f"the confusion matrix has {len(matrix)} classes, the ranking {len(ranking)}: "
            "they must name the same ones"
        )
    np.fill_diagonal(matrix, -1.0)
    nearness = np.zeros(matrix.shape, dtype=np.int64)
    if ranking is not None:
        places = np.broadcast_to(np.arange(len(matrix) - 1), np.shape(ranking))
        np.put_along_axis(nearness, np.asarray(ranking), places, axis=1)
    order: Integers = np.lexsort((nearness, -matrix), axis=1).astype(np.int64)
    return order[:, :count]


def read_confusion(path: Path, class_names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Read a saved confusion matrix.

    Args:
        path: A .npy file, ``(C, C)`` in the order of `class_names`; or a .csv file whose first
            row and first column name the classes, in any order.
        class_names: The C classes of the build; a .csv may name others, which are left out.

    Returns:
        Rows the true class, columns the predicted one, ``(C, C)`` float64, in the order of
        `class_names`.

    Raises:
        MissingFileError: There is no such file.
        UserError: The file is of another kind, or does not fit the classes.
    """
    if not path.is_file():
        raise MissingFileError(f"no confusion matrix at {path}")
    if path.suffix == ".npy":
        matrix: npt.NDArray[np.float64] = np.load(path, allow_pickle=False).astype(np.float64)
        if matrix.shape != (len(class_names),) * 2:
            raise UserError(
                f"{path} has shape {matrix.shape}, but there are {len(class_names)} classes"
            )
        return matrix
    if path.suffix == ".csv":
        return _read_csv(path, class_names)
    raise UserError(f"a confusion matrix is a .npy or .csv file, got {path}")


def _read_csv(path: Path, class_names: Sequence[str]) -> npt.NDArray[np.float64]:
    rows = read_csv(path)
    predicted = rows[0][1:] if rows else []
    true = [row[0] for row in rows[1:]]
    for where, names in (("first row", predicted), ("first column", true)):
        missing = [name for name in class_names if name not in names]
        if missing:
            raise UserError(f"{path}: its {where} lacks the classes {missing[:5]}")
        if len(set(names)) != len(names):
            raise UserError(f"{path}: its {where} names a class twice")
    try:
        cells = np.array([row[1:] for row in rows[1:]], dtype=np.float64)
    except ValueError as error:
        raise UserError(f"{path} is not a table of numbers: {error}") from error
    order = [true.index(name) for name in class_names]
    matrix: npt.NDArray[np.float64] = cells[order][:, [predicted.index(n) for n in class_names]]
    return matrix


def knn_confusion(index: EmbeddingIndex, k: int = 10) -> npt.NDArray[np.float64]:
    """Return the confusion of a k-nearest-neighbours classifier, leaving each image out.

    Args:
        index: Embeddings of the images with their labels.
        k: Neighbours that vote, in equal shares.

    Returns:
        Mean share of the votes for class j among images of class i, ``(C, C)`` float64; rows
        add up to 1, or to 0 for classes without images.

    Raises:
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    labels = index.labels
    votes = np.zeros((len(index.classes), len(index.classes)))
    for start in range(0, len(index), _BLOCK):
        asking = np.arange(start, min(start + _BLOCK, len(index)))
        found, _ = index.nearest_rows(index.embeddings(asking), k + 1)
        # An image is found beside its copies in any order: leave it out by row, not by place.
        others = (found != asking[:, None]) & (found >= 0)
        others &= others.cumsum(1) <= k
        voting, _ = np.nonzero(others)
        np.add.at(votes, (labels[asking[voting]], labels[found[others]]), 1)
    shares: npt.NDArray[np.float64] = votes / np.maximum(votes.sum(1, keepdims=True), 1)
    return shares
