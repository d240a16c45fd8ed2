"""Check a bank: `python -m index.verify BANK`.

Reads every byte: checksums, columns, each row's values, and each image is decoded. Prints one line
for each problem and ends with exit status 1 if there is any, with 2 if there is no bank to check.
The check itself is `genie_transforms.format.verify_bank`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from index.command import run_command


@dataclass(frozen=True)
class Config:
    """Check a bank.

    Attributes:
        bank: Folder of the bank.
    """

    bank: tyro.conf.Positional[Path]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_verify, Config, "index.verify", arguments, description=__doc__)


def _verify(config: Config) -> None:
    """Print the problems, or that there are none.

    Raises:
        BankError: The folder holds no bank, or one whose manifest cannot be read.
    """
    from genie_transforms.format import Manifest, verify_bank  # takes seconds, unlike --help

    manifest = Manifest.read(config.bank)
    problems = verify_bank(config.bank)
    if problems:
        print("\n".join(problems))
        sys.exit(1)
    print(f"{config.bank} is sound: {manifest.num_rows} rows in {len(manifest.shards)} shards")


if __name__ == "__main__":
    main()
