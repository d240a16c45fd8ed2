"""Merge banks, write them in other layouts, read other layouts: `python -m index.convert`."""

# What subcommands need takes seconds to import, which --help should not: each imports its own.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from genie_transforms import MissingFileError
from index.command import run_command


@dataclass(frozen=True)
class Merge:
    """Make one bank of several; classes are matched by name.

    Attributes:
        banks: Folders of the banks.
        out: The new folder.
    """

    banks: tyro.conf.Positional[tuple[Path, ...]]
    out: Path

    def run(self) -> str:
        """Merge, and say how many rows there are."""
        from genie_transforms.format import merge_banks

        counts = merge_banks(self.banks, self.out, _merge_indexes).counts
        dropped = counts["merged_rows"] - counts["rows"]
        return f"{self.out}: {counts['rows']} rows, {dropped} duplicates dropped"


@dataclass(frozen=True)
class Export:
    """Write a bank as folders of images, or as WebDataset.

    Attributes:
        bank: Folder of the bank.
        out: The new folder.
        layout: One folder a class, or tar files.
        keep: Which rows, as for Bank.open; its default if not given, all if empty.
    """

    bank: tyro.conf.Positional[Path]
    out: Path
    layout: Literal["imagefolder", "webdataset"] = "imagefolder"
    keep: str | None = None

    def run(self) -> str:
        """Export, and say what was kept."""
        from genie_transforms import Bank

        chosen = {} if self.keep is None else {"keep": self.keep or None}
        bank = Bank.open(self.bank, **chosen)
        bank.export(self.out, self.layout)
        return f"{self.out}: {bank.kept}"


@dataclass(frozen=True)
class Import:
    """Make a bank of what was exported from one.

    Attributes:
        folder: What `export` wrote, in either layout.
        out: The new folder.
    """

    folder: tyro.conf.Positional[Path]
    out: Path

    def run(self) -> str:
        """Import, and say how many rows there are."""
        from .exported import import_exported

        return f"{self.out}: {import_exported(self.folder, self.out).num_rows} rows"


@dataclass(frozen=True)
class ImportAuthors:
    """Make a bank of what the GeNIe authors' genie.py wrote for one episode.

    Attributes:
        folder: Such as dataset7/train_genie_noise0.8.
        sources: The episode's images, such as dataset7/train.
        out: The new folder.
        noise_ratio: r, where the folder's name does not say it.
    """

    folder: tyro.conf.Positional[Path]
    sources: Path
    out: Path
    noise_ratio: float | None = None

    def run(self) -> str:
        """Import, and say how many images there are."""
        from .authors import read_authors
        from .bank import import_bank

        images, names = read_authors(self.folder, self.sources, self.noise_ratio)
        manifest = import_bank(images, names, self.out, layout="authors")
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
        from .bank import import_bank
        from .diff_mix import read_diff_mix

        if self.classes is not None and not self.classes.is_file():
            raise MissingFileError(f"--classes {self.classes} is missing")
        given = None
        if self.classes is not None:
            given = self.classes.read_text(encoding="utf-8").splitlines()
        images, names = read_diff_mix(self.folder, given)
        manifest = import_bank(images, names, self.out, layout="diff-mix")
        return f"{self.out}: {manifest.num_rows} rows"


Command = (
    Annotated[Merge, tyro.conf.subcommand("merge")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Import, tyro.conf.subcommand("import")]
    | Annotated[ImportAuthors, tyro.conf.subcommand("import-authors")]
    | Annotated[ImportDiffMix, tyro.conf.subcommand("import-diff-mix")]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_run, Command, "index.convert", arguments, description=__doc__)


def _run(command: Merge | Export | Import | ImportAuthors | ImportDiffMix) -> None:
    """Run a subcommand, and print what came of it."""
    print(command.run())


def _merge_indexes(folder: Path, parts: Sequence[Path], numbers: Sequence[Sequence[int]]) -> None:
    """Merge the indexes of banks; only this needs FAISS, which takes seconds to load."""
    from index.store import merge_indexes

    merge_indexes(folder, parts, numbers)
