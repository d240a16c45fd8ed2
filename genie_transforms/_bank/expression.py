"""The language of filter expressions, `on_target & noise_ratio >= 0.6`: parsed and checked.

Nothing of a text is ever executed.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Sequence

from genie_transforms._errors import UserError
from genie_transforms.format import CLASS_COLUMNS

from .class_names import some_names

COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
MEMBERSHIPS = (ast.In, ast.NotIn)

_WORDS = {"&": "and", "|": "or", "~": "not"}
_MAX_NESTING = 50  # Python's own parser and the functions here recurse


def parse_keep(expression: str, columns: Iterable[str]) -> list[ast.expr]:
    """Parse a filter into the clauses that must all hold.

    `&`, `|` and `~` bind weaker than comparisons, as `and`, `or` and `not` do: no parentheses
    are needed around `noise_ratio >= 0.6`. Nothing of the text is ever executed.

    Args:
        expression: Columns, constants, comparisons, `in`, `&`, `|`, `~` and parentheses.
        columns: Names that may be used.

    Raises:
        UserError: The text is not such an expression, or names an unknown column.
    """
    if not isinstance(expression, str):
        raise UserError(f"a filter is a text such as 'noise_ratio >= 0.6', got {expression!r}")
    try:
        tree = ast.parse(_with_words(expression), mode="eval").body
        depth = _nesting(tree)
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        raise UserError(f"cannot parse the filter {_short(expression)}: {error}") from error
    except (RecursionError, MemoryError):  # the parser's own limits, far beyond ours
        depth = _MAX_NESTING + 1
    if depth > _MAX_NESTING:
        raise UserError(
            f"the filter {_short(expression)} is nested more than {_MAX_NESTING} deep: write "
            f"`x in (1, 2)` for many comparisons with one column"
        )
    _check(tree, list(columns), expression)
    # Only the outermost `&` is taken apart: its clauses are those whose dropped rows are counted.
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return tree.values
    return [tree]


def numbered(
    clause: ast.expr,
    class_names: Sequence[str],
    class_columns: Sequence[str] = CLASS_COLUMNS,
) -> ast.expr:
    """Return a clause with the numbers of classes in place of their names.

    Args:
        clause: One that `parse_keep` returned.
        class_names: Names that may stand for numbers beside a column of classes; with none, the
            clause stays as it is.
        class_columns: Names of the columns of classes.

    Raises:
        UserError: It names a class that there is not.
    """
    if not class_names:
        return clause
    found: ast.expr = _NumberedClasses(class_names, class_columns).visit(clause)
    return found


class _NumberedClasses(ast.NodeTransformer):
    """Replace class names that are compared with a column of classes by their numbers.

    Only equality and `in` know names: their numbers have an order, but it means nothing.
    """

    def __init__(self, class_names: Sequence[str], class_columns: Sequence[str]) -> None:
        self._numbers = {name: number for number, name in enumerate(class_names)}
        self._columns = class_columns

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Number the names in a comparison, and in those within it."""
        sides = [self.visit(side) for side in (node.left, *node.comparators)]
        for place, operator in enumerate(node.ops):
            named = isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn)
            for one, other in ((place, place + 1), (place + 1, place)):
                if named and self._is_class_column(sides[one]):
                    sides[other] = self._numbered(sides[other])
        left, *comparators = sides
        return ast.copy_location(ast.Compare(left, node.ops, comparators), node)

    def _numbered(self, node: ast.expr) -> ast.expr:
        """Replace names in a constant, or in a tuple or list of them, by numbers."""
        if isinstance(node, ast.Tuple | ast.List):
            elements = [self._numbered(element) for element in node.elts]
            return ast.copy_location(type(node)(elements, node.ctx), node)
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            return node
        if node.value not in self._numbers:
            raise UserError(
                f"the filter names the class {node.value!r}, which the bank does not have: its "
                f"classes are {some_names(list(self._numbers))}"
            )
        return ast.copy_location(ast.Constant(self._numbers[node.value]), node)

    def _is_class_column(self, node: ast.expr) -> bool:
        """Tell whether the node is a column of class numbers."""
        return isinstance(node, ast.Name) and node.id in self._columns


def is_constant(node: ast.expr) -> bool:
    """Tell whether the node is a number, a boolean, a string, or a tuple or list of them."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return False
    elements = value if isinstance(value, tuple | list) else [value]
    return all(isinstance(element, bool | int | float | str) for element in elements)


def _short(expression: str) -> str:
    """Quote the beginning of a filter."""
    return repr(expression if len(expression) <= 200 else f"{expression[:200]}…")


def _nesting(tree: ast.expr) -> int:
    """Measure how deep an expression is nested, without recursion."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [
            child
            for node in level
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)
        ]
    return depth


def _with_words(expression: str) -> str:
    """Replace the signs `& | ~` by words, which bind weaker than comparisons."""
    # By tokens, so that an `&` within a string stays what it is.
    tokens = tokenize.generate_tokens(io.StringIO(expression.strip()).readline)
    # A comment goes to the end of its line: joined into one line, it would hide what follows.
    skipped = (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER)
    return " ".join(_WORDS.get(t.string, t.string) for t in tokens if t.type not in skipped)


def _check(node: ast.expr, columns: list[str], expression: str) -> None:
    """Refuse every kind of node that is not in the language of filters."""
    # A list of what is allowed, not of what is forbidden: Python's grammar grows.
    children: list[ast.expr] = []
    match node:
        case ast.BoolOp(values=operands):
            children = operands
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            children = [operand]
        case ast.Compare(left=left, ops=operators, comparators=right) if all(
            type(operator) in (*COMPARISONS, *MEMBERSHIPS) for operator in operators
        ):
            children = [left, *right]
        case ast.Name(id=name):
            if name not in columns:
                raise UserError(
                    f"unknown column {name!r} in the filter {expression!r}; "
                    f"the columns are {', '.join(columns)}"
                )
        case _ if not is_constant(node):
            raise UserError(
                f"`{ast.unparse(node)}` is not allowed in the filter {expression!r}: use columns, "
                f"constants, comparisons, `in`, `&`, `|`, `~` and parentheses"
            )
    for child in children:
        _check(child, columns, expression)
