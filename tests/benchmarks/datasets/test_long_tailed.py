"""Long-tailed subsets: sizes by the field's formula, rows by the seed, and a digest of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import (
    LabelledSet,
    draw_rows,
    exponential_sizes,
    images_digest,
    listing_digest,
    long_tailed_rows,
    repeated,
)
from genie_transforms import MissingFileError, UserError
from index.sources import ClassName


def test_sizes_fall_exponentially_as_in_the_literature() -> None:
    # 500 images and imbalance 100 over ten classes, by hand
    expected = [500, 300, 180, 108, 65, 39, 23, 14, 8, 5]
    assert exponential_sizes(500, 100, 10).tolist() == expected
    assert exponential_sizes(5000, 250, 10)[-1] == 20  # CIFAR-10-LT of Cao et al., 0.004
    assert exponential_sizes(7, 1, 3).tolist() == [7, 7, 7]


def test_a_seed_decides_which_class_is_which() -> None:
    labels = np.repeat(np.arange(3), 10)
    sizes = np.array([9, 4, 1])
    drawn = [np.bincount(labels[draw_rows(labels, np.arange(30), sizes, s)]) for s in range(6)]
    assert all(sorted(counts.tolist()) == [1, 4, 9] for counts in drawn)
    assert len({tuple(counts.tolist()) for counts in drawn}) > 1
    again = draw_rows(labels, np.arange(30), sizes, 3)
    assert np.array_equal(again, draw_rows(labels, np.arange(30), sizes, 3))
    with pytest.raises(UserError, match=r"has 2 images for training, but should get 9"):
        draw_rows(labels, np.array([0, 1, 12, 13, 22, 23]), sizes, 0)


def test_positions_are_repeated_evenly() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = repeated(labels, np.array([0, 1]), np.array([7, 1]), 0)
    assert sorted(np.bincount(found, minlength=6)[:3].tolist()) == [2, 2, 3]
    assert np.bincount(labels[found]).tolist() == [7, 1]
    with pytest.raises(UserError, match="class 3 has no images"):
        repeated(labels, np.array([3]), 2, 0)


def _levels(order: list[int], classes: tuple[str, ...] = ("a", "b")) -> LabelledSet:
    """Six images, each of a level of its own, the first three of the first class."""
    images = [np.full((4, 4, 3), k, np.uint8) for k in order]
    names = [ClassName(name) for name in classes]
    return LabelledSet(list(classes), [k // 3 for k in order], images, names)


def test_a_tail_is_drawn_from_candidates_alone() -> None:
    data = _levels(list(range(6)))
    rows = long_tailed_rows(data, np.array([0, 2, 4, 5]), 2, 2.0, 0)
    assert set(rows) <= {0, 2, 4, 5}
    assert sorted(np.bincount(data.labels[rows]).tolist()) == [1, 2]


def test_a_digest_is_of_images_and_classes_and_not_of_their_order() -> None:
    data = _levels([0, 1, 2, 3, 4, 5])
    digest = images_digest(data, np.array([0, 1, 4]))
    assert images_digest(_levels([4, 5, 1, 0, 2, 3]), np.array([0, 2, 3])) == digest
    assert images_digest(data, np.array([0, 1, 5])) != digest
    assert images_digest(data, np.array([0, 0, 1, 4])) != digest
    assert images_digest(_levels([0, 1, 2, 3, 4, 5], ("a", "c")), np.array([0, 1, 4])) != digest


def test_a_listing_is_known_by_its_files_or_its_bytes(tmp_path: Path) -> None:
    data = _levels([0, 1, 2, 3, 4, 5])
    rows = np.array([0, 1, 4])
    digest = listing_digest(data, rows)
    assert listing_digest(_levels([0, 1, 5, 3, 4, 2]), rows) == digest  # another row has changed
    assert listing_digest(_levels([2, 1, 0, 3, 4, 5]), rows) != digest
    assert listing_digest(_levels([0, 1, 2, 3, 4, 5], ("a", "c")), rows) != digest
    files = [tmp_path / name for name in ("one.png", "two.png")]
    for file in files:
        file.write_bytes(b"image")
    listed = LabelledSet(["a"], [0, 0], files, [ClassName("a")])
    both = np.arange(2)
    digest = listing_digest(listed, both)
    assert listing_digest(LabelledSet(["a"], [0, 0], files[::-1], listed.names), both) != digest
    files[1].write_bytes(b"another image")
    assert listing_digest(listed, both) != digest
    assert listing_digest(listed, both[:1]) == listing_digest(listed, np.array([0]))
    files[1].unlink()
    with pytest.raises(MissingFileError, match=r"no image .*two\.png"):
        listing_digest(listed, both)
    encoded = LabelledSet(["a"], [0], [b"bytes\0"], listed.names)
    trimmed = LabelledSet(["a"], [0], [b"bytes"], listed.names)
    assert listing_digest(encoded, both[:1]) != listing_digest(trimmed, both[:1])
