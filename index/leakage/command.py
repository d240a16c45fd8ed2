"""The command line `python -m index.leakage`."""

from __future__ import annotations

from collections.abc import Sequence

from index.command import run_command

from .config import LeakageConfig


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_compare, LeakageConfig, "index.leakage", arguments)


def _compare(config: LeakageConfig) -> None:
    from .check import run  # takes seconds, which --help should not

    run(config)
