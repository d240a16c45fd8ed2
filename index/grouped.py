"""A flat dataclass of settings as a command line whose `--help` has groups.

tyro makes a group of each nested dataclass, while from Python one flat set of keywords is best. So
the nested one is derived here, for the time of parsing.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, asdict, field, fields, make_dataclass
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import tyro

Settings = TypeVar("Settings")
Groups = Mapping[str, Sequence[str]]

_ALL = "--help-all"

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def parse_grouped(
    settings: type[Settings],
    groups: Groups,
    prog: str,
    arguments: Sequence[str],
    extra: Mapping[str, tuple[str, str]] | None = None,
) -> Settings:
    """Parse a command line into settings.

    `--help` shows the first group only, `--help-all` every one.

    Args:
        settings: A dataclass whose fields all have defaults; its docstring and those of its bases
            describe them, as Google's style has it.
        groups: Names of fields by group, in the order of `--help`; every field once.
        prog: What `--help` calls the program.
        arguments: The command line.
        extra: Further flags of the first group, whose texts are not returned: by name, what stands
            for the value, and the help.

    Raises:
        UserError: The settings refuse a value.
        SystemExit: `--help`, or a flag that does not exist or cannot be parsed.
    """
    extra = extra or {}
    hints, helps = get_type_hints(settings), field_helps(settings)
    own: dict[str, Field[Any]] = {one.name: one for one in fields(settings)}  # type: ignore[arg-type]
    boxes: list[Any] = []
    brief = bool({"-h", "--help"} & set(arguments))
    for number, (group, names) in enumerate(groups.items()):
        members = [_member(own[name], hints[name], helps[name]) for name in names]
        if number == 0:
            members += [
                (name, _described(str, text, metavar, ""), "")
                for name, (metavar, text) in extra.items()
            ]
        box = make_dataclass(group, members, frozen=True)
        shown = tyro.conf.Suppress[box] if brief and boxes else box  # type: ignore[misc, valid-type]
        boxes.append((group, _described(shown, ""), field(default_factory=box)))
    nested = make_dataclass(settings.__name__, boxes, frozen=True)
    description = inspect.cleandoc(settings.__doc__ or "").split("\n\n")[0]
    if brief and len(groups) > 1:
        description += f"\n\nThese settings come first; {_ALL} shows all {len(own)}."
    arguments = ["--help" if argument == _ALL else argument for argument in arguments]
    markers = (tyro.conf.OmitArgPrefixes,)
    parsed: Any = tyro.cli(
        nested, prog=prog, description=description, args=arguments, config=markers
    )
    values = {name: value for box in asdict(parsed).values() for name, value in box.items()}
    return settings(**{name: values[name] for name in own})


def field_helps(settings: type[Any]) -> dict[str, str]:
    """Read what the docstrings of a class and its bases say of each attribute, in one line each."""
    helps: dict[str, str] = {}
    for base in reversed(settings.__mro__):
        doc = inspect.cleandoc(base.__doc__ or "") if base is not object else ""
        helps |= {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(doc)}
    return helps


def _member(one: Field[Any], hint: Any, text: str) -> tuple[str, Any, Any]:
    """Copy a field, with its help; it says itself what an empty default, 0 or False means."""
    if one.default is MISSING:
        raise TypeError(f"{one.name} needs a default to be a flag in a group")
    kinds = get_args(hint)
    metavar = kinds[0].__name__.upper() if type(None) in kinds else None
    shown = None if one.default else ""
    return one.name, _described(hint, text, metavar, shown), one.default


def _described(hint: Any, text: str, metavar: str | None = None, shown: str | None = None) -> Any:
    about = tyro.conf.arg(help=text, metavar=metavar, help_behavior_hint=shown)
    return Annotated[hint, about]
