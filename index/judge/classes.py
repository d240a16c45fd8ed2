"""From the classes of a judge to those of a bank: by name, never by a guess."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genie_transforms import MissingFileError, UserError

Groups = npt.NDArray[np.bool_]

Given = Mapping[str, Any]
"""Names of the bank's classes, and for each what the judge calls it: a name, the number of a class,
a list of these, or None for what it does not know."""

_SHOWN = 5


def class_groups(
    judge_classes: Sequence[Sequence[str]], bank_classes: Sequence[str], given: Given | None = None
) -> Groups:
    """Find the judge's classes that are each of the bank's.

    Without a file, names must be the same but for case, and for underscores and hyphens, which
    count as spaces. No class of a judge may stand for two of the bank's.

    Args:
        judge_classes: Names of each of the judge's J classes.
        bank_classes: Names of the bank's B classes.
        given: What `read_class_file` returned; other classes are still matched by name.

    Returns:
        ``(B, J)``; a row without any is a class that, by `given`, the judge does not know.

    Raises:
        UserError: A class is not found, or is not the only one of its name; names all of them.
    """
    given = given or {}
    unknown = sorted(set(given) - set(bank_classes))
    if unknown:
        raise UserError(f"--classes has {_some(unknown)}, which the bank does not have")
    places: dict[str, set[int]] = {}
    for number, names in enumerate(judge_classes):
        for name in names:
            places.setdefault(_words(name), set()).add(number)
    groups = np.zeros((len(bank_classes), len(judge_classes)), dtype=np.bool_)
    missing, ambiguous = [], []
    for row, name in enumerate(bank_classes):
        wanted = given.get(name, name)
        for one in [] if wanted is None else wanted if isinstance(wanted, list) else [wanted]:
            found = _numbers(one, places, len(judge_classes))
            if len(found) == 1:
                groups[row, list(found)] = True
            elif found:
                ambiguous.append(f"{name!r} ({one!r} is {sorted(found)})")
            else:
                missing.append(f"{name!r}" + (f" ({one!r})" if one != name else ""))
    shared = [name for name, row in zip(bank_classes, groups, strict=True)
              if (groups[:, row].sum(0) > 1).any()]  # fmt: skip
    for problem, names in (
        ("does not know", missing), ("has more than one class of the name", ambiguous),
        ("would have one class for several of", shared),
    ):  # fmt: skip
        if names:
            raise UserError(
                f"the judge {problem} {_some(names)}: say in a file what it calls each, --classes "
                f'FILE, such as {{"{bank_classes[0]}": "{judge_classes[0][0]}"}}, or null'
            )
    return groups


def read_class_file(path: Path) -> dict[str, Any]:
    """Read what a judge calls the classes of a bank.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is not JSON, or has values of another kind.
    """
    if not path.is_file():
        raise MissingFileError(f"no classes at {path}")
    try:
        pairs = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_Pairs)
        if not isinstance(pairs, _Pairs):
            raise ValueError("it is none")
        given = dict(pairs)
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(
            f"{path} must be a JSON object from the bank's classes to the judge's: {error}"
        ) from error
    if len(given) < len(pairs):
        raise UserError(f"{path} names a class twice")
    for name, value in given.items():
        parts = value if isinstance(value, list) else [value]
        if value is not None and not (parts and all(type(part) in (str, int) for part in parts)):
            raise UserError(
                f"{path}: {name!r} must be a name or number of the judge's, a list of these, or "
                f"null, got {value!r}"
            )
    return given


class _Pairs(list[tuple[str, Any]]):
    """The entries of a JSON object, also those of one name."""


def _numbers(one: str | int, places: Mapping[str, set[int]], count: int) -> set[int]:
    if isinstance(one, int):
        return {one} if 0 <= one < count else set()
    return places.get(_words(one), set())


def _words(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.casefold().strip()))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(map(str, names[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
