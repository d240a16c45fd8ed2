"""Filter expressions over the columns of a bank: `on_target & noise_ratio >= 0.6`."""

from __future__ import annotations

import ast
import io
import operator
import tokenize
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


ColumnReader = Callable[[str], npt.NDArray[Any]]


_WORDS = {"&": "and", "|": "or", "~": "not"}


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda values, choices: np.isin(values, choices),
    ast.NotIn: lambda values, choices: ~np.isin(values, choices),
}


@dataclass(frozen=True)
class FilterResult:
    """What a filter left of a bank.

    Attributes:
        total: Rows of the bank on disk.
        rows: Rows that passed.
        dropped: Rows that each clause dropped, clauses applied one after the other.
    """

    total: int
    rows: int
    dropped: dict[str, int]

    def __str__(self) -> str:
        """Say it in one line."""
        clauses = ", ".join(f"{count} by `{clause}`" for clause, count in self.dropped.items())
        return f"{self.rows} of {self.total} rows kept" + (f" (dropped: {clauses})" * bool(clauses))


def parse_keep(expression: str, columns: Iterable[str]) -> list[ast.expr]:
    """Parse a filter into the clauses that must all hold.

    `&`, `|` and `~` bind weaker than comparisons, as `and`, `or` and `not` do: no parentheses
    are needed around `noise_ratio >= 0.6`. Nothing of the text is ever executed.

    Args:
        expression: Columns, constants, comparisons, `in`, `&`, `|`, `~` and parentheses.
        columns: Names that may be used.

    Raises:
        ValueError: The text is no such expression, or names an unknown column.
    """
    try:
        tree = ast.parse(_with_words(expression), mode="eval").body
    except (SyntaxError, tokenize.TokenError) as error:
        raise ValueError(f"cannot parse the filter {expression!r}: {error}") from error
    names = list(columns)
    _check(tree, names, expression)
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return tree.values
    return [tree]


def apply_keep(
    clauses: list[ast.expr], column: ColumnReader, num_rows: int
) -> tuple[Mask, FilterResult]:
    """Evaluate the clauses one after the other.

    Args:
        clauses: What `parse_keep` gave.
        column: Gives a column by name, ``(N,)``.
        num_rows: N.

    Returns:
        ``(N,)`` bool, true for rows that pass, and the counts.
    """
    mask = np.ones(num_rows, dtype=bool)
    dropped = {}
    for clause in clauses:
        passed = mask & _evaluate(clause, column)
        dropped[ast.unparse(clause)] = int(mask.sum() - passed.sum())
        mask = passed
    return mask, FilterResult(num_rows, int(mask.sum()), dropped)


def _with_words(expression: str) -> str:
    """Replace the signs `& | ~` by words, which bind weaker than comparisons."""
    tokens = tokenize.generate_tokens(io.StringIO(expression.strip()).readline)
    skipped = (tokenize.NEWLINE, tokenize.ENDMARKER)
    return " ".join(_WORDS.get(t.string, t.string) for t in tokens if t.type not in skipped)


def _check(node: ast.expr, columns: list[str], expression: str) -> None:
    """Refuse every kind of node that is not in the language of filters."""
    match node:
        case ast.BoolOp(values=operands):
            children = operands
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            children = [operand]
        case ast.Compare(left=left, ops=operators, comparators=right) if all(
            type(op) in _COMPARISONS for op in operators
        ):
            children = [left, *(side for side in right if not _is_constant(side))]
        case ast.Name(id=name):
            if name not in columns:
                raise ValueError(
                    f"unknown column {name!r} in the filter {expression!r}; "
                    f"the columns are {', '.join(columns)}"
                )
            children = []
        case _ if _is_constant(node):
            children = []
        case _:
            raise ValueError(
                f"`{ast.unparse(node)}` is not allowed in the filter {expression!r}: use columns, "
                f"constants, comparisons, `in`, `&`, `|`, `~` and parentheses"
            )
    for child in children:
        _check(child, columns, expression)


def _is_constant(node: ast.expr) -> bool:
    """Tell whether the node is a literal: a number, a string, or a tuple or list of them."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(isinstance(element, ast.Constant) for element in node.elts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant)


def _evaluate(node: ast.expr, column: ColumnReader) -> Any:
    """Evaluate a checked node to an array or a constant."""
    match node:
        case ast.BoolOp(op=ast.And(), values=operands):
            return np.logical_and.reduce([_evaluate(operand, column) for operand in operands])
        case ast.BoolOp(values=operands):
            return np.logical_or.reduce([_evaluate(operand, column) for operand in operands])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return np.logical_not(_evaluate(operand, column))
        case ast.Compare(left=left, ops=operators, comparators=right):
            sides = [_evaluate(side, column) for side in (left, *right)]
            links = zip(operators, sides[:-1], sides[1:], strict=True)
            return np.logical_and.reduce([_COMPARISONS[type(op)](a, b) for op, a, b in links])
        case ast.Name(id=name):
            return column(name)
    return ast.literal_eval(node)
