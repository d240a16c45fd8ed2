"""Which images a step sees."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor

from benchmarks.training.batches import Batches, Rank, Seeded
from benchmarks.training.config import TrainingConfig

LABELS = np.repeat(np.arange(3), (7, 2, 1))


def test_shuffling_shows_every_image_once_an_epoch_across_batches() -> None:
    config = TrainingConfig(num_steps=5, warmup_steps=0, batch_size=4)
    rows = np.concatenate([Batches(LABELS, config).rows(step) for step in range(5)])
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
    assert rows[:10].tolist() != rows[10:].tolist()


def test_a_batch_larger_than_the_dataset_runs_through_several_epochs() -> None:
    config = TrainingConfig(num_steps=1, warmup_steps=0, batch_size=25)
    counts = np.bincount(Batches(LABELS, config).rows(0), minlength=10)
    assert counts.sum() == 25
    assert set(counts.tolist()) == {2, 3}


def test_balanced_sampling_draws_every_class_as_often() -> None:
    config = TrainingConfig(num_steps=30, batch_size=100, warmup_steps=0, sampler="class-balanced")
    batches = Batches(LABELS, config)
    drawn = np.bincount(LABELS[np.concatenate([batches.rows(step) for step in range(30)])])
    # 3000 draws, 1000 +- 26 of each class
    assert abs(drawn - 1000).max() < 130


def test_ranks_share_a_batch_and_a_resumed_run_continues_it() -> None:
    config = TrainingConfig(num_steps=4, warmup_steps=0, batch_size=6)
    whole = list(Batches(LABELS, config))
    parts = [list(Batches(LABELS, config, Rank(rank, 2))) for rank in range(2)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole
    assert list(Batches(LABELS, config, start=2)) == whole[2:]
    assert len(Batches(LABELS, config, start=2)) == 2


class Noise(torch.utils.data.Dataset[Tensor]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Tensor:
        of_numpy = np.random.rand()  # noqa: NPY002
        return torch.tensor([torch.rand(1).item(), of_numpy, random.random()])


def _seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)


def test_a_sample_depends_on_its_seed_and_leaves_the_generators_alone() -> None:
    _seed_all(5)
    expected = Noise()[0]
    _seed_all(5)
    samples = Seeded(Noise())
    first, second, again = samples[0, 1], samples[0, 2], samples[0, 1]
    assert torch.equal(Noise()[0], expected)
    assert torch.equal(first, again)
    assert (first != second).all()
