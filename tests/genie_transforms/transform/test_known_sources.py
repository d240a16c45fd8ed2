"""An image alone that the bank knows, though no row was made from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genie_transforms import Bank, GeNIeTransform, source_digest
from genie_transforms.format import SOURCES, Manifest
from tests.banks import CLASSES, known_sources, row, row_of, source_image, write_bank


def know(path: Path, labels: dict[int, int]) -> Bank:
    """Let a bank know source images, by index with their classes."""
    entry = known_sources(labels).write(path / SOURCES)
    manifest = Manifest(**{**vars(Manifest.read(path)), "sources": entry})
    (path / "genie.json").write_text(manifest.to_json())
    return Bank.open(path)


def test_an_image_without_rows_becomes_a_negative_of_its_class(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path, known=True))
    transform = GeNIeTransform(bank, p=1)
    for index in range(30):
        negative = transform(source_image(index))
        assert bank[row_of(np.asarray(negative))].label == index % 3
    assert transform.counters == (30, 30, 0, 0)
    transform(source_image(30))
    assert transform.counters.unknown == 1


def test_the_class_order_of_the_dataset_is_followed(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path, known=True))
    transform = GeNIeTransform(bank, p={"bird": 1}, classes=["bird", "cat", "dog"])
    transform(source_image(20))  # a bird
    transform(source_image(21))  # a cat, whose p is 0
    assert transform.counters == (2, 1, 0, 0)


def test_an_image_of_two_classes_is_unknown_whatever_its_rows_say(tmp_path: Path) -> None:
    path = write_bank(tmp_path, [row(0, 0, 0, 1), row(1, 1, 1, 0)])
    bank = know(path, {0: -1, 1: 1, 2: -1})
    digests = [source_digest(source_image(index)) for index in range(3)]
    assert [bank.label_of_source(digest) for digest in digests] == [None, 1, None]
    assert all(map(bank.knows_source, digests))
    with pytest.warns(UserWarning, match="1 of 3 classes"):
        transform = GeNIeTransform(bank, p=1)
    for index in (0, 2):
        assert transform(source_image(index)) == source_image(index)
    assert transform.counters.unknown == 2


def test_rows_that_say_another_class_make_it_unknown(tmp_path: Path) -> None:
    path = write_bank(tmp_path, [row(0, 0, 0, 1), row(1, 1, 1, 0)])
    assert know(path, {0: 2}).label_of_source(source_digest(source_image(0))) is None


def test_a_wrong_label_of_an_image_without_rows_is_warned_of(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path, known=True))
    transform = GeNIeTransform(bank, p=1, replace="source")
    assert transform((source_image(20), 2)) == (source_image(20), 2)
    assert transform.counters.missing == 1  # known, but nothing was made from it
    with pytest.warns(UserWarning, match=r"which is 'cat' here, is of class 'bird' in the bank"):
        transform((source_image(20), 0))


def test_a_bank_without_the_list_knows_the_sources_of_its_rows(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path))
    assert bank.manifest.sources is None
    found = [bank.class_of_source(source_digest(source_image(index))) for index in range(7)]
    assert found == [*CLASSES, *CLASSES, None]
