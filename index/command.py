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
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import tyro

from genie_transforms import GeNIeError, UserError

from .grouped import Groups, parse_grouped
from .installed import require_packages, script_name
from .settings_file import flags_of_file
from .stopping import Stopped, stoppable

logger = logging.getLogger("genie")
Settings = TypeVar("Settings")
Presets = Mapping[str, Sequence[str]]

_CONFIG = ("PATH", "Settings as YAML or JSON, or a bank's genie.json; flags override it.")


def run_command(
    act: Callable[[Settings], Any],
    settings: type[Settings] | Any,
    name: str,
    arguments: Sequence[str] | None = None,
    *,
    description: str | None = None,
    groups: Groups | None = None,
    presets: Presets | None = None,
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
        presets: Flags that `--preset NAME` stands for, by name, the default first; with groups.
            Those of the file and of the command line override them.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("faiss").setLevel(logging.WARNING)  # it says at INFO which build it found
    prog = script_name() or f"python -m {name}"
    try:
        if groups is None:
            parse = partial(tyro.cli, settings, prog=prog, description=description, args=arguments)
        else:
            given = list(sys.argv[1:] if arguments is None else arguments)
            extra = {"config": _CONFIG}
            given = _with_config(settings, given)
            if presets is not None:
                extra["preset"] = ("{" + ",".join(presets) + "}", _preset_help(presets))
                given = _with_preset(presets, given)
            parse = partial(parse_grouped, settings, groups, prog, given, extra)
        with stoppable():
            chosen = _refusing_in_a_line(parse)
            if name.startswith("benchmarks."):  # of a checkout; `--help` needs no more than this
                require_packages("bench")
            act(chosen)
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
    path = _value_of("config", arguments)
    return [*(flags_of_file(Path(path), settings) if path else []), *arguments]


def _with_preset(presets: Presets, arguments: Sequence[str]) -> list[str]:
    """Put what a preset stands for before all else that is given.

    Raises:
        UserError: There is no such preset.
    """
    name = _value_of("preset", arguments)
    if name is not None and name not in presets:
        raise UserError(f"--preset must be one of {', '.join(presets)}, got {name!r}")
    return [*(presets[name] if name else []), *arguments]


def _preset_help(presets: Presets) -> str:
    """Say what each preset stands for."""
    texts = [f"{name} is {' '.join(flags) or 'the defaults'}" for name, flags in presets.items()]
    return "Named settings, which flags override: " + "; ".join(texts) + "."


def _value_of(name: str, arguments: Sequence[str]) -> str | None:
    """Return the value of a flag, before the others are parsed; None if it is not there."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument(f"--{name}")
    try:
        value: str | None = getattr(parser.parse_known_args(arguments)[0], name)
    except argparse.ArgumentError:
        return None  # without a value: tyro says so
    return value
