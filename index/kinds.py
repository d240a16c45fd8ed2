"""What a setting may be: of the kind that it is annotated with, finite, and within its range.

The command line parses text into the right kinds; from Python a dataclass takes anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from genie_transforms import UserError

_WIDEST = 2**63 - 1  # of an integer in arrays, seeds and columns

_NAMES = {int: "a whole number", float: "a finite number", str: "text", Path: "a path"}


def check_kinds(settings: object) -> None:
    """Refuse values of another kind than their annotations say, NaN and infinity included.

    Args:
        settings: A dataclass of flags, whole and decimal numbers, texts, paths, literals, optional
            ones of these, and tuples of one of them; what has another annotation is not looked at.

    Raises:
        UserError: Names the setting, the value and what it takes.
    """
    kind: Any = type(settings)
    for name, hint in _hints(kind).items():
        value = getattr(settings, name)
        if not _is_of(value, hint):
            raise UserError(f"{name} must be {_named(hint)}, got {value!r}")


def check_range(
    settings: object, names: Sequence[str], least: float, most: float = math.inf, *, hint: str = ""
) -> None:
    """Refuse numbers outside [least, most]; None, for what is not given, passes.

    Args:
        settings: The dataclass.
        names: Of its numbers.
        least: The smallest that may be.
        most: The largest.
        hint: What else to know, as the end of the message.

    Raises:
        UserError: Names the setting, its value and the range.
    """
    for name in names:
        value = getattr(settings, name)
        if value is None or least <= value <= most:
            continue
        if most < math.inf:
            limit = f"must lie in [{least}, {most}]"
        else:
            limit = f"must be at least {least}" if least else "must not be negative"
        raise UserError(f"{name} {limit}, got {value}" + (f"; {hint}" if hint else ""))


@cache
def _hints(settings: type[Any]) -> dict[str, Any]:
    return get_type_hints(settings)


def _is_of(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_is_of(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_of(one, parts[0]) for one in value)
    if hint is bool or hint is NoneType:
        return isinstance(value, hint)
    if hint is int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and -_WIDEST <= value <= _WIDEST
    if hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if hint is str or hint is Path:
        # No file, model or class has such a name, and systems cut it off there.
        return isinstance(value, hint) and "\0" not in str(value)
    return True


def _named(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join("not given" if one is NoneType else _named(one) for one in parts)
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin is tuple:
        return f"a tuple of which each is {_named(parts[0])}"
    return "true or false" if hint is bool else _NAMES.get(hint, str(hint))
