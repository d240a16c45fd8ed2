"""Which rows of a bank a filter keeps: the clauses of `expression.py`, evaluated by Arrow."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genie_transforms._errors import UserError
from genie_transforms.format import CLASS_COLUMNS

from .expression import MEMBERSHIPS, is_constant, numbered

Mask = npt.NDArray[np.bool_]
ColumnReader = Callable[[str], pa.ChunkedArray]

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
}


@dataclass(frozen=True)
class FilterResult:
    """What a filter left of a bank.

    Attributes:
        total: Rows of the bank on disk.
        rows: Rows that passed.
        dropped: Rows that each clause dropped, clauses applied one after the other.
        num_classes: Classes of the bank; 0 if they were not counted.
        empty_classes: Names of those that have no row left, as targets.
    """

    total: int
    rows: int
    dropped: dict[str, int]
    num_classes: int = 0
    empty_classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one line."""
        clauses = ", ".join(f"{count} by `{clause}`" for clause, count in self.dropped.items())
        used = self.num_classes - len(self.empty_classes)
        where = f" in {used} of {self.num_classes} classes" * bool(self.num_classes)
        dropped = f" (dropped: {clauses})" * bool(clauses)
        return f"{self.rows} of {self.total} rows kept{where}{dropped}"


def apply_keep(
    clauses: list[ast.expr],
    column: ColumnReader,
    num_rows: int,
    class_names: Sequence[str] = (),
    class_columns: Sequence[str] = CLASS_COLUMNS,
) -> tuple[Mask, FilterResult]:
    """Evaluate the clauses one after the other.

    A comparison with a null is null, `&`, `|` and `~` of nulls follow Kleene's logic as in SQL,
    and a row passes only where the clause is true: where `on_target` is null, neither
    `on_target` nor `~on_target` keeps the row.

    Args:
        clauses: What `parse_keep` returned.
        column: Reads a column by name, ``(N,)``.
        num_rows: N.
        class_names: Names that may stand for numbers beside a column of classes.
        class_columns: Names of the columns of classes.

    Returns:
        ``(N,)`` bool, true for rows that pass, and the counts.

    Raises:
        UserError: A clause compares a column with a constant of another type or with a class
            that there is not, or takes a number or a string for a truth value.
    """
    mask = np.ones(num_rows, dtype=bool)
    dropped = {}
    for clause in clauses:
        text = ast.unparse(clause)  # before names become numbers, which changes the clause
        by_number = numbered(clause, class_names, class_columns)
        try:
            truth = pc.fill_null(_truth(by_number, column), False)
        except (pa.ArrowException, ArithmeticError, TypeError) as error:
            raise UserError(f"cannot evaluate the filter `{text}`: {error}") from error
        constant = isinstance(truth, pa.Scalar)  # `True` keeps all, and names no column
        passed = mask & (truth.as_py() if constant else truth.to_numpy(zero_copy_only=False))
        dropped[text] = int(mask.sum() - passed.sum())
        mask = passed
    return mask, FilterResult(num_rows, int(mask.sum()), dropped)


def _truth(node: ast.expr, column: ColumnReader) -> Any:
    """Evaluate a checked node that is true, false or null in each row."""
    match node:
        case ast.BoolOp(op=operator, values=operands):
            join = pc.and_kleene if isinstance(operator, ast.And) else pc.or_kleene
            return reduce(join, [_truth(operand, column) for operand in operands])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return pc.invert(_truth(operand, column))
        case ast.Compare(left=left, ops=operators, comparators=right):
            # A chain is the `&` of its links, as in Python: 0.5 < x < 0.7.
            links = zip(operators, pairwise([left, *right]), strict=True)
            compared = [_compare(operator, *sides, column) for operator, sides in links]
            return reduce(pc.and_kleene, compared)
    value = _value(node, column)
    if isinstance(value, bool):
        return pa.scalar(value)
    if not isinstance(value, pa.Array) or not pa.types.is_boolean(value.type):
        raise UserError(
            f"{_described(node, value)} is neither true nor false: compare it in the filter, as in "
            f"`noise_ratio >= 0.6`"
        )
    return value


def _value(node: ast.expr, column: ColumnReader) -> Any:
    """Read a column or a constant; what is compared within a comparison is a truth value."""
    if isinstance(node, ast.Name):
        # In one piece: before Arrow 23, `or_kleene` of columns in several makes nulls true.
        return column(node.id).combine_chunks()
    return ast.literal_eval(node) if is_constant(node) else _truth(node, column)


def _compare(operator: ast.cmpop, left: ast.expr, right: ast.expr, column: ColumnReader) -> Any:
    """Compare two sides, at least one of which is usually a column."""
    first, second = _value(left, column), _value(right, column)
    among = isinstance(operator, MEMBERSHIPS)
    if among != isinstance(second, tuple | list) or isinstance(first, tuple | list):
        raise UserError(
            f"the filter compares {_described(left, first)} with {_described(right, second)}: a "
            f"tuple or list stands to the right of `in` and nowhere else, as in `label in (0, 3)`"
        )
    kind = _common_type([first, *second] if among else [first, second])
    if kind is None:
        raise UserError(
            f"the filter compares {_described(left, first)} with {_described(right, second)}: "
            f"they have different types"
        )
    if not among:
        return _COMPARISONS[type(operator)](_typed(first, kind), _typed(second, kind))
    values, among_these = _typed(first, kind), [_typed(x, kind).as_py() for x in second]
    value_set = pa.array(among_these, kind)
    if pa.types.is_floating(kind):  # minus zero is zero, but not to `is_in`
        values, value_set = pc.add(values, 0), pc.add(value_set, 0)
    found = pc.is_in(values, value_set=value_set)
    # `is_in` is false for null, so that `not in` would keep the row: make both null there.
    found = pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.bool_()))
    return pc.invert(found) if isinstance(operator, ast.NotIn) else found


def _common_type(values: list[Any]) -> pa.DataType | None:
    """Find the type in which NumPy compares columns and constants; None if they do not compare.

    NumPy brings a Python number to the type of the column. Arrow would bring a float32 column to
    float64, where the float32 nearest to 0.7 is less than 0.7 and `noise_ratio >= 0.7` loses it.
    """
    kinds = [x.type.to_pandas_dtype() if hasattr(x, "type") else x for x in values]
    texts = [kind is np.object_ or isinstance(kind, str) for kind in kinds]
    if any(texts):
        return pa.string() if all(texts) else None
    # A column goes in as its dtype, a constant as itself: only Python's own numbers give way.
    kind = np.result_type(*kinds)
    if kind == np.object_:  # what NumPy 1 makes of a whole number that no type of its holds
        largest = max(abs(kind) for kind in kinds if isinstance(kind, int))
        raise UserError(f"the constant {largest} in the filter is too large")
    return pa.from_numpy_dtype(kind)


def _typed(value: Any, kind: pa.DataType) -> Any:
    """Bring a column or a constant to a type."""
    if hasattr(value, "type"):
        # Unsafe, for a seed beyond 2**53 has no exact float64; NumPy rounds it, too.
        return value.cast(kind, safe=False)
    if pa.types.is_string(kind):
        return pa.scalar(value)
    try:
        return pa.scalar(kind.to_pandas_dtype()(value), kind)
    except OverflowError as error:
        raise UserError(f"the constant {value} in the filter is too large") from error


def _described(node: ast.expr, value: Any) -> str:
    """Name a side of a comparison, with its type."""
    if isinstance(node, ast.Name):
        return f"the column {node.id} ({value.type})"
    if hasattr(value, "type"):
        return f"`{ast.unparse(node)}` (bool)"
    return f"the constant {value!r} ({type(value).__name__})"
