"""Which images a step sees, decided by (seed, step) alone.

So a training that was interrupted goes on as if it had not been, several ranks see the parts of
the batch that one would see, and the number of worker processes changes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from .config import TrainingConfig

Integers = npt.NDArray[np.int64]


class ImageDataset(Protocol):
    """A dataset of (image ``(3, H, W)`` float32, class number)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def seed_of(*numbers: int) -> int:
    """Return a seed in [0, 2^63) that depends on all of `numbers` and their order."""
    words = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def class_counts(labels: Integers, num_classes: int, sampler: str) -> Tensor:
    """Return how often each class is drawn, up to a factor: its size, or 1, ``(C,)`` int64."""
    counts = torch.from_numpy(np.bincount(labels, minlength=num_classes))
    return counts.clamp(max=1) if sampler == "class-balanced" else counts


@dataclass(frozen=True)
class Rank:
    """Which part of every batch this process takes: `rank` of `world_size`."""

    rank: int = 0
    world_size: int = 1


class Seeded(Dataset[Any]):
    """A dataset whose sample `(index, seed)` is drawn with generators seeded by `seed`."""

    def __init__(self, dataset: ImageDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, key: tuple[int, int]) -> Any:
        """Return a sample, and leave the generators as they were."""
        index, seed = key
        with _seeded(seed):
            return self.dataset[index]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch's generator, NumPy's and Python's, which timm's transforms draw from."""
    # The processor's generator alone: torch.manual_seed also notes, with a stack trace, what every
    # GPU is to be seeded with once it is used; that takes longer than an augmentation, and the
    # notes pile up.
    of_torch = torch.default_generator.get_state()
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        yield
    finally:
        torch.default_generator.set_state(of_torch)
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002


class Batches(Sampler[list[tuple[int, int]]]):
    """The batches of a training, one for each step, as keys of `Seeded`.

    Args:
        labels: Label of each image, ``(N,)`` int64.
        config: Sampler, batch size, steps and seed.
        rank: The part of each batch that is yielded.
        start: The first step.
    """

    def __init__(
        self, labels: Integers, config: TrainingConfig, rank: Rank = Rank(), start: int = 0
    ) -> None:
        self._labels, self._config, self._rank, self._start = labels, config, rank, start
        self._orders: dict[int, Integers] = {}
        self._classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def __len__(self) -> int:
        """Count the steps that are left."""
        return self._config.num_steps - self._start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield the keys of each step's images."""
        for step in range(self._start, self._config.num_steps):
            rows = self.rows(step).tolist()
            mine = range(
                self._rank.rank * len(rows) // self._rank.world_size,
                (self._rank.rank + 1) * len(rows) // self._rank.world_size,
            )
            yield [(rows[k], seed_of(self._config.seed, step, k)) for k in mine]

    def rows(self, step: int) -> Integers:
        """Return the images of a step, of all ranks, ``(batch_size,)`` int64."""
        size, seed = self._config.batch_size, self._config.seed
        if self._config.sampler == "class-balanced":
            rng = np.random.default_rng([seed, step])
            classes = rng.integers(len(self._classes), size=size)
            drawn = [rng.choice(self._classes[k]) for k in classes]
            return np.array(drawn, dtype=np.int64)
        places = np.arange(step * size, (step + 1) * size)
        epochs, within = np.divmod(places, len(self._labels))
        return np.array(
            [self._order(e)[w] for e, w in zip(epochs.tolist(), within.tolist(), strict=True)],
            dtype=np.int64,
        )

    def _order(self, epoch: int) -> Integers:
        if epoch not in self._orders:
            self._orders.pop(epoch - 2, None)
            rng = np.random.default_rng([self._config.seed, epoch])
            self._orders[epoch] = rng.permutation(len(self._labels))
        return self._orders[epoch]


def load(
    dataset: ImageDataset, labels: Integers, config: TrainingConfig, rank: Rank, start: int
) -> DataLoader[Any]:
    """Return a loader of (images ``(b, 3, H, W)``, labels ``(b,)``) for each step from `start`."""
    return DataLoader(
        Seeded(dataset),
        batch_sampler=Batches(labels, config, rank, start),
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
    )
