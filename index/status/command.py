"""The command line `python -m index.status`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import tyro

from index.command import run_command


@dataclass(frozen=True)
class StatusConfig:
    """Say how far the build of a bank is, or how it went.

    Ends with exit status 0 if the bank is finished or being built and nothing is wrong; 1 if pairs
    failed, files are damaged, or a build was stopped in the middle; 2 if there is no bank. It reads
    statistics, not rows: `index.verify` reads every byte.

    Attributes:
        bank: Folder of the bank, finished or not; or its URI, as --out takes it.
        json: Print it as JSON.
    """

    bank: tyro.conf.Positional[str]
    json: bool = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_status, StatusConfig, "index.status", arguments)


def _status(config: StatusConfig) -> None:
    """Print the status, and end with exit status 1 if something has to be done.

    Raises:
        BankError: There is no bank.
        UserError: A URI cannot be opened.
        StorageError: The server that a URI names does not answer.
    """
    from .reading import read_status  # takes a second, which --help should not
    from .text import lines

    status = read_status(config.bank)
    if config.json:
        print(json.dumps(status.to_json(), indent=2, sort_keys=True))
    else:
        print("\n".join(lines(status)))
    if not status.is_well:
        sys.exit(1)
