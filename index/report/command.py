"""The command line `python -m index.report`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from index.command import run_command


@dataclass(frozen=True)
class Config:
    """Write the report of a bank: one HTML file, to be opened in a browser.

    Attributes:
        bank: Folder of the bank.
        out: The file; report.html in the bank if not given.
    """

    bank: tyro.conf.Positional[Path]
    out: Path | None = None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_report, Config, "index.report", arguments)


def _report(config: Config) -> None:
    from .page import write_report  # takes seconds, which --help should not

    print(write_report(config.bank, config.out))
