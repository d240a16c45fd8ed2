"""Members of a room that are imported when they are first asked for.

Settings stand beside what they are for, and `--help` needs the settings alone. So the rooms that
the settings of a build lie in leave torch, diffusers and FAISS to whoever uses them (PEP 562).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_members(package: str, members: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package that imports each member when it is first used.

    The package names the same members under `TYPE_CHECKING`, for type checkers and import-linter.

    Args:
        package: The package's `__name__`.
        members: Names of members by the submodule that defines them.

    Raises:
        ValueError: A member has the name of a submodule, whose import would take its place.
    """
    clashing = {name for names in members.values() for name in names} & members.keys()
    if clashing:
        raise ValueError(f"{package}: {sorted(clashing)} are submodules as well")
    home = {name: submodule for submodule, names in members.items() for name in names}

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        member = getattr(import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, member)  # the next access does not come here
        return member

    return __getattr__
