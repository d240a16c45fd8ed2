"""No negative of another class, in whatever is drawn, or an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.genie_transforms.transform.drawn import run_case

NUM_DRAWS = int(os.environ.get("GENIE_DRAWS", "20_000"))
"""Samples to draw in all; GENIE_DRAWS=1_000_000 takes some minutes."""


# Some datasets are mostly of images that the bank does not know, which it says.
@pytest.mark.filterwarnings("ignore:the bank")
def test_labels_are_true_of_what_is_drawn(tmp_path: Path) -> None:
    per_case = max(1000, NUM_DRAWS // 200)
    number = drawn = replaced = refused = 0
    while drawn < NUM_DRAWS:
        try:
            outcome = run_case(number, tmp_path / str(number), per_case)
        except Exception as error:
            raise AssertionError(f"case {number}: {error}") from error
        number += 1
        drawn += outcome.drawn
        replaced += outcome.replaced
        refused += outcome.refused
    print(f"{number} cases, {drawn} draws, {replaced} replaced; {refused} cases refused")
    assert replaced > drawn / 4
    assert 0 < refused < number / 2
