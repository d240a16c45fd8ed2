"""Run a command: parse its settings, configure logging, act, and end with an exit status.

0: done. 1: the command found what it looks for, such as damage or leakage. 2: a mistake of the
user's, said in one line. Anything else is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

from genie_transforms import GeNIeError

logger = logging.getLogger("genie")
Settings = TypeVar("Settings")


def run_command(
    act: Callable[[Settings], Any],
    settings: type[Settings] | Any,
    name: str,
    arguments: Sequence[str] | None = None,
    *,
    description: str | None = None,
) -> None:
    """Parse the command line into settings, and act on them.

    Args:
        act: What the command does; it may end the program with an exit status of its own.
        settings: A dataclass, or a union of them for subcommands.
        name: Module that is run, such as "index.build".
        arguments: The command line; `sys.argv` if not given.
        description: What `--help` opens with; the settings' docstring if not given.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        act(tyro.cli(settings, prog=f"python -m {name}", description=description, args=arguments))
    except GeNIeError as error:
        logger.error("error: %s", error)
        sys.exit(2)
