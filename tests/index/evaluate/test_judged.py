"""What a judge's columns say, on rows that can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genie_transforms import Bank, UserError
from index.evaluate.judged import clustered_interval, hardness, label_precision
from tests.banks import all_pairs, write_bank


def judge(monkeypatch: pytest.MonkeyPatch, **columns: Any) -> None:
    """Give every bank a judge `eye` with these columns, as `index.judge` does."""
    stored = Bank.column

    def column(self: Bank, name: str) -> Any:
        part = name.removeprefix("eye_")
        return np.asarray(columns[part]) if name != part else stored(self, name)

    monkeypatch.setattr(Bank, "column", column)


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    # Labels 1 2 0 2 0 1, two of each source.
    return Bank.open(write_bank(tmp_path / "bank", all_pairs(3)))


def test_precision_counts_what_was_judged(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bank.labels.tolist() == [1, 2, 0, 2, 0, 1]
    assert bank.source_labels.tolist() == [0, 0, 1, 1, 2, 2]
    seen = [1, 0, 0, 1, -1, np.nan]  # right, source, right, source, none of them, not judged
    judge(
        monkeypatch, **{"class": seen}, target_probability=np.ones(6), source_probability=np.ones(6)
    )
    found = label_precision(bank, "eye")
    assert (found["rows"], found["unjudged"]) == (5, 1)
    assert (found["precision"], found["source_class"]) == (0.4, 0.4)
    assert found["by_class"] == {"cat": 0.5, "dog": 1.0, "bird": 0.0}
    # Sums of residuals: of the first two sources .6 - .4 each, of the last -.4.
    assert found["interval"] == pytest.approx(1.96 * (0.2**2 + 0.2**2 + 0.4**2) ** 0.5 / 5)


def test_hardness_is_of_right_rows_only(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(
        monkeypatch,
        **{"class": [1, 2, 1, 2, 0, 0]},  # the third and the last are wrong
        target_probability=[0.5, 0.7, 0.1, 0.9, np.nan, 0.0],
        source_probability=[0.4, 0.2, 0.9, 0.0, np.nan, 1.0],
    )
    found = hardness(bank, "eye")
    assert found["rows"] == 3
    assert found["source_probability"]["mean"] == pytest.approx(0.2)
    assert found["margin"]["mean"] == pytest.approx((0.1 + 0.5 + 0.9) / 3)
    assert found["margin"]["quantiles"][1] == pytest.approx(0.5)


def test_independent_images_have_the_usual_interval() -> None:
    values = np.array([0.0, 1.0, 1.0, 1.0])
    usual = 1.96 * values.std() / 2
    assert clustered_interval(values, np.arange(4)) == pytest.approx(usual)
    # Two copies of each from one source say no more than one.
    twice = clustered_interval(values.repeat(2), np.arange(4).repeat(2))
    assert twice == pytest.approx(usual)


def test_a_judge_that_is_not_there_is_named(bank: Bank) -> None:
    with pytest.raises(UserError, match="no judge 'clip', whose columns would be clip_class"):
        label_precision(bank, "clip")
