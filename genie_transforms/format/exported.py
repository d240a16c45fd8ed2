"""What an exported bank keeps of itself beside its images, so that it can be read back."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from genie_transforms._errors import MissingFileError, UserError

from .carried import carry_judgements
from .files import write_json
from .judgements import check_judge_name, judge_names, judgement_path
from .manifest import JUDGEMENTS, Manifest
from .sources import SOURCES, KnownSources
from .untrusted import bank_file
from .writer import BankDescription

EXPORTED = "bank.json"
EXPORTED_SOURCES = "sources.arrow"

Layout = Literal["imagefolder", "webdataset"]


def exported_judgement(name: str) -> str:
    """Return the name of the file of a judge in an exported bank."""
    return f"{JUDGEMENTS}-{name}.arrow"


@dataclass(frozen=True)
class Exported:
    """The content of `bank.json` in an exported bank.

    Attributes:
        layout: How the images lie beside it.
        rows: How many there are.
        class_names: Names of the classes, in the order of the bank's labels.
        recipe: The bank's.
        fingerprint: The bank's.
        counts: The bank's, also of rows that were not exported.
        sources: What the bank's manifest says of its list of all sources, `sources.arrow` here.
        judges: Whose judgements lie here, each as `judgements-NAME.arrow`: a folder of them would
            be a class to `ImageFolder`.
    """

    layout: Layout
    rows: int
    class_names: list[str]
    recipe: dict[str, Any]
    fingerprint: dict[str, Any]
    counts: dict[str, int]
    sources: dict[str, Any] | None
    judges: list[str] = field(default_factory=list)

    @classmethod
    def write(cls, folder: Path, layout: Layout, rows: int, bank: Path, manifest: Manifest) -> None:
        """Write it into an exported bank.

        Args:
            folder: Where the images are.
            layout: How they lie there.
            rows: How many there are.
            bank: The folder of the bank.
            manifest: What the bank says of itself.
        """
        about = cls(
            layout, rows, manifest.class_names, manifest.recipe, manifest.fingerprint,
            manifest.counts, manifest.sources, judge_names(bank),
        )  # fmt: skip
        write_json(folder / EXPORTED, asdict(about))
        if manifest.sources is not None:
            shutil.copyfile(bank_file(bank, SOURCES), folder / EXPORTED_SOURCES)
        for name in about.judges:
            judged = bank_file(bank, f"{JUDGEMENTS}/{name}.arrow")
            shutil.copyfile(judged, folder / exported_judgement(name))

    @classmethod
    def read(cls, folder: Path) -> Exported:
        """Read it from an exported bank.

        Raises:
            MissingFileError: It is not there.
            UserError: It is damaged.
        """
        path = folder / EXPORTED
        if not path.is_file():
            raise MissingFileError(
                f"{path} is missing: give a folder that Bank.export wrote, in this version or later"
            )
        try:
            about = cls(**json.loads(path.read_text(encoding="utf-8")))
            if type(about.rows) is not int or len(set(about.class_names)) < len(about.class_names):
                raise ValueError("rows must be a number, and class_names different names")
            for name in about.judges:
                check_judge_name(name)
        except (ValueError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}): export the bank again") from error
        return about

    def bring_judgements(self, folder: Path, out: Path, shards: list[dict[str, Any]]) -> None:
        """Write the judgements for the rows that are read back, found by their content.

        Args:
            folder: The exported bank.
            out: Where the shards are.
            shards: The manifest's entries of them.

        Raises:
            BankFormatError: A judgement is missing or damaged.
        """
        for name in self.judges:
            path = judgement_path(out, name)
            path.parent.mkdir(exist_ok=True)
            shutil.copyfile(bank_file(folder, exported_judgement(name)), path)
        carry_judgements([out], out, Manifest(self.class_names, {}, {}, {}, shards, {}))

    def description(self, folder: Path) -> BankDescription:
        """Describe the bank that is read back; sweeps were not exported.

        Raises:
            BankFormatError: The list of all sources is missing or damaged.
        """
        known = None
        if self.sources is not None:
            known = KnownSources.read(
                folder / EXPORTED_SOURCES, self.sources, len(self.class_names)
            )
        return BankDescription(
            class_names=self.class_names,
            recipe=self.recipe,
            fingerprint=self.fingerprint,
            counts=self.counts,
            sources=known,
        )
