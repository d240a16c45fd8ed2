"""Check a bank: `python -m index.verify BANK`.

Reads every byte: checksums, columns, each row's values, and each image is decoded. Prints one line
for each problem and ends with exit status 1 if there is any.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from genie_transforms.format import Manifest, verify_bank


@dataclass(frozen=True)
class Config:
    """Check a bank.

    Attributes:
        bank: Folder of the bank.
    """

    bank: tyro.conf.Positional[Path]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    config = tyro.cli(Config, prog="python -m index.verify", description=__doc__, args=arguments)
    problems = verify_bank(config.bank)
    if problems:
        print("\n".join(problems))
        sys.exit(1)
    manifest = Manifest.read(config.bank)
    print(f"{config.bank} is sound: {manifest.num_rows} rows in {len(manifest.shards)} shards")


if __name__ == "__main__":
    main()
