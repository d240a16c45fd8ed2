"""A judge's classes are the bank's by name or by a file, and never by a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genie_transforms import UserError
from index.judge import class_groups, read_class_file

JUDGE = [("tench, Tinca tinca", "tench", "n01440764"), ("red fox",), ("crane",), ("crane",)]


def numbers(bank: list[str], given: dict[str, Any] | None = None) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for row in class_groups(JUDGE, bank, given)]


def test_names_that_are_the_same() -> None:
    assert numbers(["Red_Fox", "tench"]) == [[1], [0]]
    assert numbers(["n01440764", "red-fox"]) == [[0], [1]]


def test_a_file_says_the_rest() -> None:
    given = {"bird": [2, 3], "dog": "red fox", "chair": None}
    assert numbers(["bird", "tench", "dog", "chair"], given) == [[2, 3], [0], [1], []]


@pytest.mark.parametrize(
    ("bank", "given", "match"),
    [
        (["fox"], None, "does not know 'fox'"),
        (["tench", "dog", "x"], None, r"does not know 'dog', 'x': .*--classes FILE"),
        (["crane"], None, r"more than one class of the name 'crane' \('crane' is \[2, 3\]\)"),
        (["dog"], {"dog": "wolf"}, r"does not know 'dog' \('wolf'\)"),
        (["dog"], {"dog": 4}, r"does not know 'dog' \(4\)"),
        (["dog"], {"dog": -1}, "does not know"),
        (["tench", "fish"], {"fish": 0}, "one class for several of tench, fish"),
        (["tench"], {"cat": 0}, "--classes has cat, which the bank does not have"),
    ],
)
def test_nothing_is_guessed(bank: list[str], given: dict[str, Any] | None, match: str) -> None:
    with pytest.raises(UserError, match=match):
        numbers(bank, given)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"a": 1.5}', '{"a": []}', '{"a": true}', '{"a": 1, "a": 2}', "[" * 10**5]
)
def test_files_that_say_something_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "classes.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"classes\.json"):
        read_class_file(path)
