"""Run a command: parse its settings, configure logging, act, and end with an exit status.

0: done. 1: the command found what it looks for, such as damage or leakage, or a part of the work
failed. 2: a mistake of the user's, or a disk that cannot be written, said in one line. 130 and 143:
stopped by SIGINT or SIGTERM. Anything else is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import tyro

from genie_transforms import GeNIeError

from .grouped import Groups, parse_grouped
from .installed import script_name
from .settings_file import flags_of_file
from .stopping import Stopped, stoppable

logger = logging.getLogger("genie")
Settings = TypeVar("Settings")

_CONFIG_HELP = "Settings as YAML or JSON, or a bank's genie.json; flags override it."


def run_command(
    act: Callable[[Settings], Any],
    settings: type[Settings] | Any,
    name: str,
    arguments: Sequence[str] | None = None,
    *,
    description: str | None = None,
    groups: Groups | None = None,
) -> None:
    """Parse the command line into settings, and act on them.

    Args:
        act: What the command does; it may end the program with an exit status of its own.
        settings: A dataclass, or a union of them for subcommands.
        name: Module that is run, such as "index.build".
        arguments: The command line; `sys.argv` if not given.
        description: What `--help` opens with; the settings' docstring if not given.
        groups: Names of fields by group of `--help`, every field once. The settings are then one
            dataclass, and `--config FILE` gives them other defaults.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("faiss").setLevel(logging.WARNING)  # it says at INFO which build it found
    prog = script_name() or f"python -m {name}"
    try:
        if groups is None:
            parse = partial(tyro.cli, settings, prog=prog, description=description, args=arguments)
        else:
            given = _with_config(settings, sys.argv[1:] if arguments is None else arguments)
            parse = partial(parse_grouped, settings, groups, prog, given, {"config": _CONFIG_HELP})
        with stoppable():
            act(_refusing_in_a_line(parse))
    except Stopped as stop:
        logger.error("%s", stop)
        sys.exit(stop.status)
    except GeNIeError as error:
        logger.error("error: %s", error)
        sys.exit(2)


def _refusing_in_a_line(parse: Callable[[], Settings]) -> Settings:
    """Return the parsed settings.

    Raises:
        GeNIeError: The settings refuse a value. tyro, which makes them, would say so in a box.
        SystemExit: For `--help`, or after tyro has shown a flag that cannot be parsed.
    """
    shown = io.StringIO()
    try:
        with redirect_stderr(shown):
            return parse()
    except SystemExit as stop:
        cause: BaseException | None = stop
        while cause is not None:
            if isinstance(cause, GeNIeError):
                raise cause from None
            cause = cause.__context__
        sys.stderr.write(shown.getvalue())
        raise


def _with_config(settings: type[Any], arguments: Sequence[str]) -> list[str]:
    """Put what the file of `--config` sets before the arguments: of a flag, the last one counts."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config")
    try:
        path = parser.parse_known_args(arguments)[0].config
    except argparse.ArgumentError:
        path = None  # without a value: tyro says so
    return [*(flags_of_file(Path(path), settings) if path else []), *arguments]
