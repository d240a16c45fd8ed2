"""Merge banks, write them in other layouts, read other layouts: `python -m index.convert`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from genie_transforms import Bank, GeNIeError
from genie_transforms.format import merge_banks

from .authors import read_authors
from .bank import import_bank
from .diff_mix import read_diff_mix

logger = logging.getLogger("genie.convert")


@dataclass(frozen=True)
class Merge:
    """Make one bank of several; classes are told by their names.

    Attributes:
        banks: Folders of the banks.
        out: The new folder.
    """

    banks: tyro.conf.Positional[tuple[Path, ...]]
    out: Path

    def run(self) -> str:
        """Merge, and say how many rows there are."""
        counts = merge_banks(self.banks, self.out).counts
        dropped = counts["merged_rows"] - counts["rows"]
        return f"{self.out}: {counts['rows']} rows, {dropped} duplicates dropped"


@dataclass(frozen=True)
class Export:
    """Write a bank as folders of images, or as WebDataset.

    Attributes:
        bank: Folder of the bank.
        out: The new folder.
        layout: One folder a class, or tar files.
        keep: Which rows, as for Bank.open; all if empty.
    """

    bank: tyro.conf.Positional[Path]
    out: Path
    layout: Literal["imagefolder", "webdataset"] = "imagefolder"
    keep: str = "on_target & ~duplicate"

    def run(self) -> str:
        """Export, and say what was kept."""
        bank = Bank.open(self.bank, keep=self.keep or None)
        bank.export(self.out, self.layout)
        return f"{self.out}: {bank.kept}"


@dataclass(frozen=True)
class ImportAuthors:
    """Make a bank of what the GeNIe authors' genie.py wrote for one episode.

    Attributes:
        folder: Such as dataset7/train_genie_noise0.8.
        sources: The episode's pictures, such as dataset7/train.
        out: The new folder.
        noise_ratio: r, where the folder's name does not say it.
    """

    folder: tyro.conf.Positional[Path]
    sources: Path
    out: Path
    noise_ratio: float | None = None

    def run(self) -> str:
        """Import, and say how many images there are."""
        negatives, names = read_authors(self.folder, self.sources, self.noise_ratio)
        manifest = import_bank(negatives, names, self.out, layout="authors")
        return f"{self.out}: {manifest.num_rows} rows"


@dataclass(frozen=True)
class ImportDiffMix:
    """Make a bank of what Diff-Mix's sample_mp.py wrote.

    Attributes:
        folder: Where meta.csv and data/ are.
        out: The new folder.
        classes: A file with one class name a line, in the order of the labels.
    """

    folder: tyro.conf.Positional[Path]
    out: Path
    classes: Path | None = None

    def run(self) -> str:
        """Import, and say how many images there are."""
        given = None if self.classes is None else self.classes.read_text().splitlines()
        negatives, names = read_diff_mix(self.folder, given)
        manifest = import_bank(negatives, names, self.out, layout="diff-mix")
        return f"{self.out}: {manifest.num_rows} rows"


Command = (
    Annotated[Merge, tyro.conf.subcommand("merge")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[ImportAuthors, tyro.conf.subcommand("import-authors")]
    | Annotated[ImportDiffMix, tyro.conf.subcommand("import-diff-mix")]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake ends with one line and exit status 2."""
    command: Merge | Export | ImportAuthors | ImportDiffMix = tyro.cli(
        Command,
        prog="python -m index.convert",
        description=__doc__,
        args=arguments,
    )
    try:
        print(command.run())
    except (GeNIeError, ValueError, FileNotFoundError, FileExistsError) as error:
        logging.basicConfig(format="%(message)s")
        logger.error("error: %s", error)
        sys.exit(2)
