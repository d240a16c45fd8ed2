from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genie_transforms import Bank, UserError
from genie_transforms._bank.expression import parse_keep
from genie_transforms._bank.filter import FilterResult, apply_keep
from tests.banks import all_pairs, write_bank


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


NAMES = ["ant", "bee", "cat", "dog"]


def keep(
    expression: str, table: pa.Table = TABLE, class_names: Sequence[str] = ()
) -> tuple[list[bool], FilterResult]:
    """The rows that pass, and the counts."""
    clauses = parse_keep(expression, table.column_names)
    mask, kept = apply_keep(clauses, table.column, table.num_rows, class_names)
    assert mask.dtype == bool
    return mask.tolist(), kept


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("on_target", [1, 1, 0, 0]),
        ("on_target & ~duplicate", [1, 0, 0, 0]),
        ("on_target and not duplicate", [1, 0, 0, 0]),
        ("on_target  # the backbone agrees\n  & ~duplicate", [1, 0, 0, 0]),
        ("(on_target  # no copies & more\n& ~duplicate)  # the end", [1, 0, 0, 0]),
        ("# no copies\non_target\n\n# & more\n& ~duplicate", [1, 0, 0, 0]),
        ("method == '# genie' | on_target", [1, 1, 0, 0]),
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


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('label == "bee"', [0, 1, 0, 0]),
        ('"bee" == label', [0, 1, 0, 0]),
        ('label != "bee"', [1, 0, 1, 1]),
        ('label in ("bee", "ant")', [1, 1, 0, 0]),
        ('label not in ["bee", 0]', [0, 0, 1, 1]),
        ('on_target & ~(label == "ant" | label == "dog")', [0, 1, 0, 0]),
        ('(label == "bee") == on_target', [0, 1, 1, 1]),
        ('label == "bee" & method == "genie-ada"', [0, 1, 0, 0]),
        ("label == 1", [0, 1, 0, 0]),
    ],
)
def test_class_names(expression: str, expected: list[int]) -> None:
    mask, _ = keep(expression, class_names=NAMES)
    assert mask == [bool(value) for value in expected]


def test_class_names_in_the_counts() -> None:
    _, kept = keep('label == "bee" & on_target', class_names=NAMES)
    assert kept.dropped == {"label == 'bee'": 3, "on_target": 0}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ('label == "wasp"', r"the class 'wasp', .* its classes are \[ant, bee, cat, dog\]"),
        ('label in ("bee", "wasp")', "the class 'wasp'"),
        ('label > "bee"', r"column label \(int64\) with the constant 'bee'"),
        ('noise_ratio == "bee"', r"column noise_ratio \(float\) with the constant 'bee'"),
        ('label in "bee"', r"to the right of `in` and nowhere else"),
        ('label == ("bee", "ant")', r"to the right of `in` and nowhere else"),
        ("label", r"column label \(int64\) is neither true nor false"),
        ("on_target & label", r"column label \(int64\) is neither true nor false"),
        ('"bee"', r"constant 'bee' \(str\) is neither true nor false"),
    ],
)
def test_class_names_that_do_not_fit(expression: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        keep(expression, class_names=NAMES)


@pytest.mark.parametrize(
    "expression",
    [
        "~" * 10_000 + "on_target",
        "~" * 60 + "on_target",
        "(" * 1000 + "on_target" + ")" * 1000,
        "not (" * 60 + "on_target" + ")" * 60,
        "label in " + "[" * 3000 + "]" * 3000,
        "2" + " ** 2" * 10_000,
        "1" + " + 1" * 10_000,
        "lambda: " * 10_000 + "1",
        "on_target if " * 5000,
        "-" * 10_000 + "1 == label",
    ],
    ids=lambda text: text[:12],
)
def test_nesting_is_limited(expression: str) -> None:
    with pytest.raises(UserError, match=r"nested|cannot parse"):
        keep(expression)


def test_a_long_filter_is_no_nested_one() -> None:
    assert keep(" & ".join(["on_target"] * 2000))[0] == [True, True, False, False]
    assert keep(f"label in ({', '.join(map(str, range(5000)))})")[1].rows == 4


ODD = [None, 3, b"label", ["on_target"], "\0", "label\n== 1\n)", "label ==", "'", "label == 1e999"]
ODD += [
    "label == ...",
    "label == b'x'",
    "label in {1}",
    "label in (None,)",
    "(yield)",
    "label := 1",
]
ODD += ["label == 10**30", "label == [1]", "()", "[]", "on_target in on_target", "label @ label"]
ODD += [
    "label in (99999999999999999999,)",
    "-on_target",
    "label == -on_target",
    "~1",
    "~'x'",
    "*label",
]
ODD += [
    "not",
    "on_target < 'a'",
    "'a' < on_target",
    "method in (1,)",
    "1 in (1, 'a')",
    "label is 1",
]
ODD += [
    "\ud800 == label",
    "label == '\ud800'",
    "method == '\ud800'",
    "0x",
    "1_ == label",
    "label == 1_0_",
]


@pytest.mark.parametrize("expression", ODD, ids=ascii)
def test_everything_else_is_refused_or_kept_by_the_rules(expression: Any) -> None:
    """Nothing but a `UserError` comes out."""
    try:
        mask, _ = keep(expression, class_names=NAMES)
    except UserError:
        return
    assert expression == "label == 1e999"
    assert not any(mask)


def test_minus_zero_is_zero_among_values_too(tmp_path: Path) -> None:
    rows = all_pairs()
    for index, margin in enumerate((0.0, -0.0, 0.1)):
        rows[index]["margin"] = margin
    path = write_bank(tmp_path, rows)
    for keep in ("margin == 0.0", "margin in (0.0,)", "margin in (-0.0,)"):
        assert [row.seed for row in Bank.open(path, keep=keep)] == [0, 1]
