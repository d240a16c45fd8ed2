"""The command line `python -m index.build`."""

from __future__ import annotations

from collections.abc import Sequence

from index.command import run_command
from index.config import BuildConfig


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_build, BuildConfig, "index.build", arguments)


def _build(config: BuildConfig) -> None:
    from .builder import build  # takes seconds, which --help and a mistaken flag should not

    build(config)
