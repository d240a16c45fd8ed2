"""Drawn splits of the classes."""

from __future__ import annotations

import pytest

from benchmarks.datasets import class_split
from genie_transforms import UserError

DIGITS = tuple("0123456789")


def test_five_splits_differ_and_do_not_depend_on_the_order_of_the_classes() -> None:
    drawn = [class_split(DIGITS, number) for number in range(5)]
    assert len({split.novel for split in drawn}) == 5
    for split in drawn:
        assert len(split.base) == len(split.novel) == 5
        assert sorted(split.base + split.novel) == list(DIGITS)
    assert [class_split(DIGITS[::-1], number) for number in range(5)] == drawn
    # Results of five splits would not belong together if the draw changed.
    novel = ["".join(split.novel) for split in drawn]
    assert novel == ["34689", "03467", "04569", "01347", "12469"]


def test_all_splits_of_few_classes_come_once() -> None:
    novel = [class_split("abcd", number).novel for number in range(6)]
    assert sorted("".join(names) for names in novel) == ["ab", "ac", "ad", "bc", "bd", "cd"]
    assert len(class_split("abcde", 0).base) == 3  # of an odd number more are base


@pytest.mark.parametrize(
    ("classes", "number", "message"),
    [
        ("abcd", 6, r"class_split must lie in \[0, 5\], got 6"),
        (DIGITS, 100, r"class_split must lie in \[0, 99\], got 100"),
        (DIGITS, -1, r"class_split must lie in \[0, 99\], got -1"),
        ("abc", 0, "two classes on both sides, got the classes \\['a', 'b', 'c'\\]"),
    ],
)
def test_there_is_no_such_split(classes: str, number: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        class_split(classes, number)
