"""Names of pairs that stay the same while a data set grows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from .plan import Integers, Plan

_BYTES = 16
"""Of a SHA-256 that make a key."""

_BLOCK = 2**16
"""Pairs that are named at once."""


def pair_key(digest: str, target: str, variation: int, prompt: str) -> str:
    """Return the name of a pair by what it is: 32 hexadecimal digits.

    Numbers of classes and rows of a data set change when images and classes are added; content
    keys and names do not.

    Args:
        digest: Content key of the source image.
        target: Name of the target class.
        variation: Number of the repetition of the same pair, from 0.
        prompt: The text that the negative is made with.
    """
    parts = (digest, target, str(variation), prompt)
    return _hash(b"".join(_counted(part) for part in parts)).hex()


class PairKeys(Sequence[str]):
    """The names of the pairs of a plan, in 16 bytes each; those that are asked for become strings.

    Args:
        numbers: ``(P, 16)`` uint8.
    """

    def __init__(self, numbers: npt.NDArray[np.uint8]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int, /) -> str: ...
    @overload
    def __getitem__(self, place: slice, /) -> PairKeys: ...
    def __getitem__(self, place: int | slice, /) -> str | PairKeys:
        if isinstance(place, slice):
            return PairKeys(self._numbers[place])
        return bytes(self._numbers[place]).hex()

    def __iter__(self) -> Iterator[str]:
        return (numbers.tobytes().hex() for numbers in self._numbers)

    @property
    def nbytes(self) -> int:
        """Bytes that the names take."""
        return self._numbers.nbytes


def plan_keys(
    plan: Plan,
    digests: Sequence[str],
    class_names: Sequence[str],
    prompt_of: Callable[[int, int, int], str],
) -> PairKeys:
    """Return the name of every pair of a plan, in its order (see `pair_key`).

    Args:
        plan: The pairs.
        digests: Content key of each source image.
        class_names: Names of the classes.
        prompt_of: Returns the prompt of a pair, by row of its image, target and variation.
    """
    keys = np.empty((len(plan), _BYTES), dtype=np.uint8)
    # Block by block, so that no more than some pairs are Python objects at once.
    for start in range(0, len(plan), _BLOCK):
        block = plan.take(slice(start, start + _BLOCK))
        targets = {row: _counted(class_names[row]) for row in np.unique(block.targets).tolist()}
        repeats = {row: _counted(str(row)) for row in np.unique(block.variations).tolist()}
        columns = (block.sources, block.targets, block.variations)
        hashes = b"".join(
            _hash(
                _counted(digests[source])
                + targets[target]
                + repeats[number]
                + _counted(prompt_of(source, target, number))
            )
            for source, target, number in zip(*(c.tolist() for c in columns), strict=True)
        )
        keys[start : start + _BLOCK] = np.frombuffer(hashes, np.uint8).reshape(-1, _BYTES)
    return PairKeys(keys)


def distinct_rows(
    digests: Sequence[str], labels: Integers, captions: Sequence[str] | None = None
) -> Integers:
    """Return the rows of the images that make pairs of their own, increasing, int64.

    Copies of an image within its class have the same pixels, so the same keys, seeds and
    negatives: only the first one is kept. One with another caption is no copy.

    Args:
        digests: Content key of each image; "" where none is known, which is no copy of another.
        labels: Class of each image, ``(N,)`` int64.
        captions: What each image shows, if that is its prompt.
    """
    first: dict[tuple[str | int, int, str], int] = {}
    for row, (digest, label) in enumerate(zip(digests, labels.tolist(), strict=True)):
        first.setdefault((digest or row, label, captions[row] if captions else ""), row)
    return np.fromiter(first.values(), np.int64)


def _hash(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()[:_BYTES]


def _counted(part: str) -> bytes:
    # Lengths go in front: ("ab", "c") and ("a", "bc") are different pairs.
    return f"{len(part)}:{part}".encode()
