from __future__ import annotations

import numpy as np
import pytest

from genie_transforms._bank.filter import apply_keep, parse_keep

COLUMNS = {
    "on_target": np.array([True, True, False, False]),
    "duplicate": np.array([False, True, False, True]),
    "noise_ratio": np.array([0.5, 0.6, 0.7, 0.8]),
    "label": np.array([0, 1, 2, 3]),
    "method": np.array(["genie", "genie-ada", "genie", "txt2img"], dtype=object),
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("on_target", [1, 1, 0, 0]),
        ("on_target & ~duplicate", [1, 0, 0, 0]),
        ("on_target and not duplicate", [1, 0, 0, 0]),
        ("on_target | duplicate", [1, 1, 0, 1]),
        ("noise_ratio >= 0.6", [0, 1, 1, 1]),
        ("noise_ratio >= 0.6 & on_target", [0, 1, 0, 0]),
        ("on_target & noise_ratio >= 0.6", [0, 1, 0, 0]),
        ("0.55 < noise_ratio < 0.75", [0, 1, 1, 0]),
        ("~(on_target | duplicate)", [0, 0, 1, 0]),
        ("~noise_ratio > 0.6", [1, 1, 0, 0]),
        ("label in (0, 3)", [1, 0, 0, 1]),
        ("label not in [0, 3]", [0, 1, 1, 0]),
        ("label > -1", [1, 1, 1, 1]),
        ('method == "genie"', [1, 0, 1, 0]),
        ('method != "a & b"', [1, 1, 1, 1]),
        ("  on_target\t", [1, 1, 0, 0]),
        ("True", [1, 1, 1, 1]),
    ],
)
def test_expressions(expression: str, expected: list[int]) -> None:
    mask, _ = apply_keep(parse_keep(expression, COLUMNS), COLUMNS.__getitem__, 4)
    assert mask.tolist() == [bool(value) for value in expected]


def test_clauses_are_counted_in_order() -> None:
    clauses = parse_keep("on_target & ~duplicate & noise_ratio < 0.9", COLUMNS)
    _, kept = apply_keep(clauses, COLUMNS.__getitem__, 4)
    assert kept.dropped == {"on_target": 2, "not duplicate": 1, "noise_ratio < 0.9": 0}
    assert str(kept).startswith("1 of 4 rows kept (dropped: 2 by `on_target`")


def test_an_unknown_column_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown column 'on_targt' .*on_target, duplicate, "):
        parse_keep("on_targt", COLUMNS)


@pytest.mark.parametrize("expression", ["", "label &", "a = 1", "(label", "label; label"])
def test_what_does_not_parse(expression: str) -> None:
    with pytest.raises(ValueError, match="cannot parse the filter"):
        parse_keep(expression, COLUMNS)


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "label.real",
        "label + 1",
        "[x for x in label]",
        "lambda: label",
        "label[0]",
        "f'{label}'",
        "label is None",
        "(on_target, __import__)",
    ],
)
def test_nothing_but_the_language_of_filters(expression: str) -> None:
    with pytest.raises(ValueError, match="is not allowed in the filter"):
        parse_keep(expression, COLUMNS)
