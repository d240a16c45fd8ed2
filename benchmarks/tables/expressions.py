"""What a figure of the prose is, said over a result: `100 * means.genie.swapped.few`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from genie_transforms import UserError

from .markdown import only

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {"min": np.min, "max": np.max, "len": len}


def evaluate(expression: str, content: Mapping[str, Any]) -> list[float]:
    """Return the numbers of an expression, those of lists one after the other.

    Args:
        expression: Names and keys of the result, `entry["a", "b"]` for several,
            `list(field=value)` for the one entry of a list that has these values,
            `list(field=(one, other)).key` for several, numbers, `+ - * /` (of lists element by
            element), `min`, `max`, `len`, and commas; `result["a-key"]` for a key that is no name.
        content: The result.

    Raises:
        UserError: It is no such expression, or the result has not what it names.
    """
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body, content)
        return [float(number) for number in np.hstack([value]).ravel()]
    except (SyntaxError, KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{expression.strip()!r} is nothing in the JSON: {reason}") from None


def _value(node: ast.expr, content: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name("result") if "result" not in content:
            return content
        case ast.Name(name):
            return content[name]
        case ast.Attribute(owner, key):
            entries = _value(owner, content)
            return [entry[key] for entry in entries] if isinstance(entries, list) else entries[key]
        case ast.Subscript(owner, ast.Tuple(keys)):
            entry = _value(owner, content)
            return np.hstack([entry[_value(key, content)] for key in keys])
        case ast.Subscript(owner, index):
            return _value(owner, content)[_value(index, content)]
        case ast.UnaryOp(ast.USub(), operand):
            return -np.asarray(_value(operand, content))
        case ast.BinOp(left, sign, right) if type(sign) in _OPERATORS:
            sides = (np.asarray(_value(side, content)) for side in (left, right))
            return _OPERATORS[type(sign)](*sides)
        case ast.Tuple(parts):
            return np.hstack([_value(part, content) for part in parts])
        case ast.Call(ast.Name(name), arguments, []) if name in _FUNCTIONS:
            return _FUNCTIONS[name](
                np.hstack([_value(argument, content) for argument in arguments])
            )
        case ast.Call(entries, [], fields):
            values = [_choices(field.value, content) for field in fields]
            names = [str(field.arg) for field in fields]
            every = _value(entries, content)
            found = [only(every, dict(zip(names, them, strict=True))) for them in product(*values)]
            return found if len(found) > 1 else found[0]
    raise ValueError(f"{ast.unparse(node)} is not understood")


def _choices(node: ast.expr, content: Mapping[str, Any]) -> list[Any]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return [_value(part, content) for part in parts]
