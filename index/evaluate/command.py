"""The command line `python -m index.evaluate`."""

from __future__ import annotations

from collections.abc import Sequence

from index.command import run_command

from .config import EvaluateConfig


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_evaluate, EvaluateConfig, "index.evaluate", arguments)


def _evaluate(config: EvaluateConfig) -> None:
    from .evaluation import run  # takes seconds, which --help should not

    run(config)
