"""Check a bank: `python -m index.verify BANK`.

Reads every byte: checksums, columns, each row's values, and each image is decoded; of a bank that
was built here also the embeddings that a continued build needs. Prints one line for each problem
and ends with exit status 1 if there is any, with 2 if there is no bank to check. The check itself
is `genie_transforms.format.verify_bank`. With `--repair`, temporary files of killed processes are
removed, and the command is printed that makes again what is damaged, and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from genie_transforms import BankError, UserError
from index.command import run_command


@dataclass(frozen=True)
class Config:
    """Check a bank.

    Attributes:
        bank: Folder of the bank, or its URI: then it is fetched first.
        repair: Remove what killed processes left, and say how to mend the rest.
    """

    bank: tyro.conf.Positional[str]
    repair: bool = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_verify, Config, "index.verify", arguments, description=__doc__)


def _verify(config: Config) -> None:
    """Print the problems, or that there are none.

    Raises:
        BankError: The folder holds no bank, or one whose manifest cannot be read.
        UserError: What a URI names is to be repaired.
    """
    # It takes seconds, unlike --help.
    from genie_transforms import Bank
    from genie_transforms.format import Manifest, is_uri, remove_temporaries, verify_bank

    bank = Path(config.bank)
    if is_uri(config.bank):
        if config.repair:
            raise UserError("--repair is for a folder: the command that built a bank mends it")
        bank = Bank.open(config.bank, keep=None).path
    if config.repair:
        for folder in (bank, *(path for path in bank.glob("*") if path.is_dir())):
            for left in remove_temporaries(folder):
                print(f"removed {left}")
    try:
        manifest = Manifest.read(bank)
    except BankError:
        if config.repair:
            print(_how_to_mend(bank))
        raise
    problems = verify_bank(bank)
    if problems:
        print("\n".join(problems))
        if config.repair:
            print(_how_to_mend(bank))
        sys.exit(1)
    print(f"{bank} is sound: {manifest.num_rows} rows in {len(manifest.shards)} shards")


def _how_to_mend(bank: Path) -> str:
    """Say what to run; a build knows its own shards, and checks them when it continues."""
    for name in ("build.json", "genie.json"):
        try:
            recipe = json.loads((bank / name).read_text(encoding="utf-8"))["recipe"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if (bank / "stats").is_dir() and "pairs_per_shard" in recipe:
            return (
                "to mend it, run the command that built it again; what is sound stays. By what "
                "the bank says of itself, it is this, with the same --captions, --inversions and "
                f"--cache if there were any:\n"
                f"  python -m index.build --config {bank / name} --out {bank}"
            )
    return "it does not say how it was built: take it again from where it came from"


if __name__ == "__main__":
    main()
