from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from genie_transforms import UserError
from genie_transforms._bank.filter import FilterResult, apply_keep, parse_keep


def table_of(**columns: list[Any]) -> pa.Table:
    """A table with the types that these columns have in a bank, in two chunks."""
    types = {"on_target": pa.bool_(), "duplicate": pa.bool_(), "noise_ratio": pa.float32()}
    types |= {"label": pa.int64(), "method": pa.string()}
    whole = pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})
    return pa.concat_tables([whole.slice(0, 1), whole.slice(1)])


TABLE = table_of(
    on_target=[True, True, False, False],
    duplicate=[False, True, False, True],
    noise_ratio=[0.5, 0.6, 0.7, 0.8],
    label=[0, 1, 2, 3],
    method=["genie", "genie-ada", "genie", "txt2img"],
)
COLUMNS = TABLE.column_names


def keep(expression: str, table: pa.Table = TABLE) -> tuple[list[bool], FilterResult]:
    """The rows that pass, and the counts."""
    clauses = parse_keep(expression, table.column_names)
    mask, kept = apply_keep(clauses, table.column, table.num_rows)
    assert mask.dtype == bool
    return mask.tolist(), kept


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
        ("False", [0, 0, 0, 0]),
        ("1 < 2 & duplicate", [0, 1, 0, 1]),
        ("label > 0.5", [0, 1, 1, 1]),
        ("label in (0.5, 2)", [0, 0, 1, 0]),
        ("label in ()", [0, 0, 0, 0]),
        ("on_target == 1", [1, 1, 0, 0]),
        ("on_target != duplicate", [1, 0, 0, 1]),
        ("(label > 1) == duplicate", [1, 0, 0, 1]),
        ("label <= noise_ratio", [1, 0, 0, 0]),
        ("noise_ratio > -1", [1, 1, 1, 1]),
        ("noise_ratio in (0.6, 0.7)", [0, 1, 1, 0]),
        ("noise_ratio <= 0.6", [1, 1, 0, 0]),
        ("noise_ratio >= 0.7", [0, 0, 1, 1]),
        ('method >= "genie-ada"', [0, 1, 0, 1]),
        ('method not in ("genie", "txt2img")', [0, 1, 0, 0]),
    ],
)
def test_expressions(expression: str, expected: list[int]) -> None:
    mask, _ = keep(expression)
    assert mask == [bool(value) for value in expected]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("on_target", [1, 0, 0]),
        ("~on_target", [0, 1, 0]),
        ("~~on_target", [1, 0, 0]),
        ("on_target | True", [1, 1, 1]),
        ("on_target | label == 2", [1, 0, 1]),
        ("on_target | ~on_target", [1, 1, 0]),
        ("noise_ratio >= 0.6", [1, 0, 0]),
        ("~noise_ratio >= 0.6", [0, 0, 1]),
        ("noise_ratio != 0.6", [0, 0, 1]),
        ("noise_ratio in (0.6, 0.7)", [1, 0, 0]),
        ("noise_ratio not in (0.7,)", [1, 0, 1]),
        ("~noise_ratio in (0.7,)", [1, 0, 1]),
        ('method == "genie"', [0, 1, 0]),
        ('method not in ("txt2img",)', [0, 1, 0]),
    ],
)
def test_a_row_passes_only_where_the_filter_is_true(expression: str, expected: list[int]) -> None:
    """A null is neither equal nor unequal, neither true nor false."""
    table = table_of(
        on_target=[True, False, None],
        noise_ratio=[0.6, None, 0.5],
        label=[0, 1, 2],
        method=[None, "genie", None],
    )
    mask, kept = keep(expression, table)
    assert mask == [bool(value) for value in expected]
    assert kept.rows == sum(expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ('noise_ratio > "0.6"', r"column noise_ratio \(float\) with the constant '0.6' \(str\)"),
        ('"x" == label', r"constant 'x' \(str\) with the column label \(int64\)"),
        ("method > 1", r"column method \(string\) with the constant 1 \(int\)"),
        ("method == on_target", r"column method \(string\) with the column on_target \(bool\)"),
        ('label in (1, "a")', r"column label \(int64\) with the constant \(1, 'a'\) \(tuple\)"),
        ('(label > 1) == "a"', r"`label > 1` \(bool\) with the constant 'a' \(str\)"),
        ("label in 3", r"to the right of `in` and nowhere else"),
        ("label == (1, 2)", r"to the right of `in` and nowhere else"),
        ("label > 99999999999999999999", "99999999999999999999 in the filter is too large"),
        ("label & on_target", r"column label \(int64\) is neither true nor false"),
        ("~method", r"column method \(string\) is neither true nor false"),
        ("1", r"constant 1 \(int\) is neither true nor false"),
    ],
)
def test_types_that_do_not_go_together(expression: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        keep(expression)


def test_clauses_are_counted_in_order() -> None:
    _, kept = keep("on_target & ~duplicate & noise_ratio < 0.9")
    assert kept.dropped == {"on_target": 2, "not duplicate": 1, "noise_ratio < 0.9": 0}
    assert str(kept).startswith("1 of 4 rows kept (dropped: 2 by `on_target`")


def test_an_unknown_column_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown column 'on_targt' .*on_target, duplicate, "):
        parse_keep("on_targt", COLUMNS)


@pytest.mark.parametrize("expression", ["", "label &", "a = 1", "(label", "label; label"])
def test_what_does_not_parse(expression: str) -> None:
    with pytest.raises(UserError, match="cannot parse the filter"):
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
        "label == None",
        "label == 1j",
        "-'a' == method",
        "label in {0: 1}",
        "(on_target, __import__)",
    ],
)
def test_nothing_but_the_language_of_filters(expression: str) -> None:
    with pytest.raises(UserError, match="is not allowed in the filter"):
        parse_keep(expression, COLUMNS)
