"""What a judge says of the rows of a bank, and of real images whose class is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from genie_transforms.format import (
    NONE_OF_THEM,
    Judgement,
    Manifest,
    decode_image,
    planes_of,
    read_bank,
    row_keys,
    rows_digest,
)

from .classes import Groups
from .judge import Floats, Judge

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Verdicts:
    """What a judge says of N images, in the numbers of the bank's classes.

    Attributes:
        classes: ``(N,)`` int32; `NONE_OF_THEM` where it takes an image for another class.
        probabilities: Of each of the bank's B classes, ``(N, B)`` float32.
    """

    classes: npt.NDArray[np.int32]
    probabilities: Floats


def verdicts_of(judge: Judge, images: Tensor, groups: Groups) -> Verdicts:
    """Ask a judge for the bank's classes.

    The probability of a class of the bank is the sum over the judge's classes that are it, and the
    most probable one is the verdict, unless a class that is none of the bank's is more probable.

    Args:
        judge: The judge.
        images: ``(N, 3, H, W)`` uint8.
        groups: The judge's classes that are each of the bank's, ``(B, J)``.
    """
    own = judge(images)
    probabilities = np.clip(own @ groups.T.astype(np.float32), 0, 1)
    classes = np.where(groups.any(1), probabilities, -1).argmax(1).astype(np.int32)
    others = own[:, ~groups.any(0)].max(1, initial=-1)
    classes[probabilities.max(1, initial=-1) < others] = NONE_OF_THEM
    return Verdicts(classes, probabilities)


def judge_bank(folder: Path, name: str, judge: Judge, groups: Groups) -> Judgement:
    """Ask a judge about each row of a bank, and write what it says beside it.

    Args:
        folder: The bank.
        name: Of the columns.
        judge: The judge.
        groups: The judge's classes that are each of the bank's, ``(B, J)``. Rows of a target
            that it does not know get no verdict.

    Returns:
        The judgement, as it was written.

    Raises:
        BankError: The bank, or an image of it, is damaged.
        UserError: No judge may have this name.
    """
    manifest = Manifest.read(folder)
    parts = [_Columns.of(judge, block, groups) for block in _blocks(folder, manifest, judge)]
    mapping = {
        class_name: np.flatnonzero(group).tolist()
        for class_name, group in zip(manifest.class_names, groups, strict=True)
    }
    judgement = Judgement(
        name,
        manifest.class_names,
        row_keys(folder, manifest),
        _Columns.joined(parts),
        {**judge.about, "classes": mapping},
        rows_digest(manifest),
    )
    judgement.write(folder)
    return judgement


def accuracy_on_real(
    judge: Judge, groups: Groups, images: Iterator[tuple[Tensor, int]]
) -> tuple[Integers, Integers]:
    """Measure a judge on real images.

    Args:
        judge: The judge.
        groups: The judge's classes that are each of the bank's, ``(B, J)``.
        images: Planes ``(3, H, W)`` uint8, and their class of the bank.

    Returns:
        Of each of the bank's classes, how many images it has and how many the judge gets right,
        ``(B,)`` both.
    """
    seen, right = (np.zeros(len(groups), dtype=np.int64) for _ in range(2))
    for planes, labels in in_batches(images, judge.batch_size):
        verdicts = verdicts_of(judge, planes, groups).classes
        np.add.at(seen, labels, 1)
        np.add.at(right, labels[verdicts == labels], 1)
    return seen, right


def in_batches(
    images: Iterator[tuple[Tensor, Any]], batch_size: int
) -> Iterator[tuple[Tensor, Any]]:
    """Stack images of one size that follow one another, and what comes with each, as an array."""
    batch: list[Tensor] = []
    beside: list[Any] = []
    for planes, value in images:
        if batch and (len(batch) == batch_size or batch[0].shape != planes.shape):
            yield torch.stack(batch), np.array(beside)
            batch, beside = [], []
        batch.append(planes)
        beside.append(value)
    if batch:
        yield torch.stack(batch), np.array(beside)


@dataclass(frozen=True)
class _Columns:
    """The columns of some rows."""

    classes: npt.NDArray[np.int32]
    target: Floats
    source: Floats
    known: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]

    @classmethod
    def of(cls, judge: Judge, block: tuple[Tensor, Integers], groups: Groups) -> _Columns:
        verdicts, labels, rows = (
            verdicts_of(judge, block[0], groups),
            block[1],
            range(len(block[1])),
        )
        target, source = (verdicts.probabilities[rows, labels[:, side]] for side in (0, 1))
        known = np.asarray(groups.any(1))
        return cls(verdicts.classes, target, source, (known[labels[:, 0]], known[labels[:, 1]]))

    @staticmethod
    def joined(parts: list[_Columns]) -> dict[str, pa.ChunkedArray]:
        """Return the columns of all rows; null where the judge does not know the class."""
        columns = {
            "class": [pa.array(p.classes, pa.int32(), mask=~p.known[0]) for p in parts],
            "target_probability": [
                pa.array(p.target, pa.float32(), mask=~p.known[0]) for p in parts
            ],
            "source_probability": [
                pa.array(p.source, pa.float32(), mask=~p.known[1]) for p in parts
            ],
        }
        kinds = {"class": pa.int32()}
        return {
            name: pa.chunked_array(values, kinds.get(name, pa.float32()))
            for name, values in columns.items()
        }


def _blocks(folder: Path, manifest: Manifest, judge: Judge) -> Iterator[tuple[Tensor, Integers]]:
    """Yield images of one size, and the target and source class of each, ``(N, 2)``."""

    def rows() -> Iterator[tuple[Tensor, list[int]]]:
        for table in read_bank(folder, manifest):
            part = table.select(["image", "label", "source_label"])
            for batch in part.to_batches(max_chunksize=judge.batch_size):
                for row in batch.to_pylist():
                    image = decode_image(row["image"]["bytes"] or b"")
                    yield planes_of(image), [row["label"], row["source_label"]]

    yield from in_batches(rows(), judge.batch_size)
