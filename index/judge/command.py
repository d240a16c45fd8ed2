"""The command line `python -m index.judge`."""

from __future__ import annotations

from collections.abc import Sequence

from index.command import run_command

from .config import JudgeConfig


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_judge, JudgeConfig, "index.judge", arguments)


def _judge(config: JudgeConfig) -> None:
    from .run import run  # takes seconds, which --help should not

    run(config)
