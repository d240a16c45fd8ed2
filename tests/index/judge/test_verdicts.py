"""Verdicts on small banks, by a judge whose answers can be told from the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from genie_transforms import Bank
from index.judge import Judge, class_groups, judge_bank
from index.judge.verdicts import in_batches, verdicts_of
from tests.banks import CLASSES, all_pairs, negative_colour, row_of, write_bank

SHARES = torch.tensor([[0.5, 0.3, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4], [0.1, 0.4, 0.25, 0.25]])


def by_colour(images: Tensor) -> Tensor:
    """Row k of the bank gets the shares k mod 3."""
    rows = [row_of(image.permute(1, 2, 0).numpy()) for image in images]
    return SHARES[[row % 3 for row in rows]].log()


def judge(batch_size: int = 64, names: tuple[str, ...] = ("cat", "dog", "bird", "sky")) -> Judge:
    return Judge("own", [(name,) for name in names], by_colour, {"classifier": "own"}, batch_size)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_columns_of_a_bank(tmp_path: Path, batch_size: int) -> None:
    folder = write_bank(tmp_path)
    one = judge(batch_size)
    judge_bank(folder, "own", one, class_groups(one.classes, CLASSES))
    bank = Bank.open(folder, keep=None)
    assert bank.column("own_class").tolist() == [0, -1, 1] * 4
    rows = np.arange(12)
    for side, labels in (("target", bank.labels), ("source", bank.source_labels)):
        expected = SHARES.numpy()[rows % 3, labels]
        np.testing.assert_allclose(bank.column(f"own_{side}_probability"), expected, rtol=1e-5)
    assert bank.verify() == []


def test_several_classes_of_the_judge_are_one_of_the_bank() -> None:
    image = torch.tensor(negative_colour(0), dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    one = judge()
    groups = class_groups(one.classes, ["cat", "flying"], {"flying": ["bird", "dog", "sky"]})
    found = verdicts_of(one, image, groups)
    np.testing.assert_allclose(found.probabilities, [[0.5, 0.5]], rtol=1e-6)
    # "dog" at .3 is none of the bank's and less probable than "bird" and "sky" together.
    groups = class_groups(one.classes, ["flying"], {"flying": ["bird", "sky"]})
    assert verdicts_of(one, image, groups).classes.tolist() == [-1]


def test_rows_of_a_class_that_the_judge_does_not_know_get_no_verdict(tmp_path: Path) -> None:
    folder = write_bank(tmp_path)
    one = judge()
    judge_bank(folder, "own", one, class_groups(one.classes, CLASSES, {"bird": None}))
    for row in Bank.open(folder, keep=None):
        unknown = [
            row.judgements[f"own_{name}"] is None for name in ("class", "target_probability")
        ]
        assert unknown == [row.label == 2] * 2
        assert (row.judgements["own_source_probability"] is None) == (row.source_label == 2)
        assert row.judgements["own_class"] != 2


def test_images_of_different_sizes(tmp_path: Path) -> None:
    rows = [*all_pairs(2, size=16), *all_pairs(1, size=24)]
    folder = write_bank(tmp_path, rows, num_shards=1)
    one = judge()
    judge_bank(folder, "own", one, class_groups(one.classes, CLASSES))
    assert Bank.open(folder, keep=None).column("own_class").tolist() == [0, -1, 1, 0, 0, -1]


def test_batches_are_of_one_size() -> None:
    sizes = [4, 4, 4, 5, 4]
    images = ((torch.zeros(3, size, size), size) for size in sizes)
    batches = [beside.tolist() for _, beside in in_batches(images, 2)]
    assert batches == [[4, 4], [4], [5], [4]]
