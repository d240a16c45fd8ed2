"""Say which rows of a bank training must not use: `python -m index.curate BANK --reject list.json`.

The list is what `report.html` lets a reader download. It names rows by their content, so it can hit
no other row of a bank that has changed since, and a list of another bank is refused. Rows are
marked in the column `rejected`, which the default filter of `Bank.open` leaves out; no shard is
written again. `--undo` takes the last change back, `--accept list.json` what a list rejects.
Without any of them, the command says what is rejected, and joins judgements of earlier rows to
those that the bank has now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from genie_transforms import UserError
from index.command import run_command


@dataclass(frozen=True)
class Config:
    """Reject rows of a bank, or accept them again.

    Attributes:
        bank: Folder of the bank.
        reject: A list that report.html wrote: what it rejects is rejected, what it accepts is not.
        accept: Such a list: what it rejects is accepted again.
        undo: Take back what the last list has changed.
    """

    bank: tyro.conf.Positional[Path]
    reject: Path | None = None
    accept: Path | None = None
    undo: bool = False

    def __post_init__(self) -> None:
        if [self.reject is not None, self.accept is not None, self.undo].count(True) > 1:
            raise UserError("give one of --reject, --accept and --undo")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_curate, Config, "index.curate", arguments, description=__doc__)


def _curate(config: Config) -> None:
    # They take seconds, unlike --help.
    from genie_transforms.format import Manifest, carry_judgements
    from index.judge import ReviewList, last_change, review_summary, reviewed
    from index.store import check_free

    folder = config.bank
    given = config.reject or config.accept
    wanted = ReviewList() if given is None else ReviewList.read(given)
    check_free(folder)
    manifest = Manifest.read(folder)
    for name in carry_judgements([folder], folder, manifest):
        print(f"the judgement {name} is gone: the bank has other classes than it was asked for")
    if config.undo:
        wanted = last_change(folder).opposite
        if wanted == ReviewList():
            raise UserError(f"there is nothing to undo in {folder}")
    if config.accept is not None:
        wanted = ReviewList(accept=wanted.reject)
    if config.undo or given is not None:
        print(reviewed(folder, wanted))
    print(review_summary(folder))


if __name__ == "__main__":
    main()
