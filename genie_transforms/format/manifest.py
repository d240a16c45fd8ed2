"""What a bank says of itself, `genie.json`, and which files belong to it.

The manifest is written last, so a folder without it is an unfinished build.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from genie_transforms._errors import BankFormatError, BankNotFoundError, UnfinishedBankError

from .schema import DATASET_INFO, STATE

FORMAT_VERSION = 1


MANIFEST = "genie.json"


CARD = "README.md"


# Beside shards, manifest and card; a bank need not have all of them.
_OTHER_FILES = (STATE, DATASET_INFO, "build.json", "preview.png", "report.html")
_FOLDERS = ("index", "stats", "embeddings")


@dataclass(frozen=True)
class Manifest:
    """The content of `genie.json`.

    Attributes:
        class_names: Names of the classes; labels are positions in it.
        recipe: The whole configuration of the build.
        fingerprint: Everything that changes pixels or r*: model and revision or file hashes,
            scheduler, steps, guidance, grid, prompts, preprocessing, backbone, seed policy.
        counts: `pairs` planned, `rows` written, `failed`, `network_rows` (rows that went
            through the denoiser, guidance counted), `reused` (pairs that an earlier build had
            made), `shards`.
        shards: Name, rows and SHA-256 of each shard file, in order.
        versions: Library versions of the build.
        sources: Number and SHA-256 of the images that `index/sources.arrow` knows; None for a bank
            without it, which knows the sources of its rows.
        format_version: Version of this format.
    """

    class_names: list[str]
    recipe: dict[str, Any]
    fingerprint: dict[str, Any]
    counts: dict[str, int]
    shards: list[dict[str, Any]]
    versions: dict[str, str]
    sources: dict[str, Any] | None = None
    format_version: int = FORMAT_VERSION

    @property
    def num_rows(self) -> int:
        """Rows of all shards."""
        return sum(shard["rows"] for shard in self.shards)

    def to_json(self) -> str:
        """Serialise, with sorted keys: the same bank gives the same bytes."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of the bank in `folder`.

        Keys that this library does not know are ignored, so that later ones can add some.

        Raises:
            BankNotFoundError: There is no such folder.
            UnfinishedBankError: The folder has no `genie.json`.
            BankFormatError: The manifest is damaged or of another format version.
        """
        if not folder.is_dir():
            raise BankNotFoundError(
                f"no bank at {folder}: build one with `python -m index.build --out {folder}`"
            )
        path = folder / MANIFEST
        if not path.exists():
            raise UnfinishedBankError(
                f"{folder} has no {MANIFEST}: its build did not end. Run the same "
                f"`python -m index.build … --out {folder}` again; it continues where it stopped."
            )
        try:
            content = json.loads(path.read_text())
            version = int(content["format_version"])
        except (ValueError, KeyError, TypeError) as error:
            raise BankFormatError(f"{path} is damaged ({error!r}): rebuild the bank") from error
        # Before anything else is looked at: another version may have other keys.
        if version != FORMAT_VERSION:
            raise BankFormatError(
                f"{path} has format version {version}, this library reads {FORMAT_VERSION}: "
                f"{'upgrade genie-transforms' if version > FORMAT_VERSION else 'rebuild the bank'}"
            )
        required = [field.name for field in fields(cls) if field.default is MISSING]
        missing = [name for name in required if name not in content]
        if missing:
            raise BankFormatError(
                f"{path} is damaged (it lacks {', '.join(missing)}): rebuild the bank"
            )
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in content.items() if name in known})


def is_bank_file(name: str) -> bool:
    """Tell whether a path relative to a bank's folder is one that a bank of other rows may have."""
    return name.split("/")[0] in _FOLDERS or (name.startswith("data-") and name.endswith(".arrow"))


def bank_files(folder: Path, manifest: Manifest) -> list[str]:
    """List the files that make a bank, relative to its folder; its card is not among them.

    What can be made from these, such as the decoded cache and the sheets of `preview/`, and what
    only a continued build needs (`earlier/`), is not part of the bank.
    """
    names = [shard["name"] for shard in manifest.shards] + [MANIFEST]
    names += [name for name in _OTHER_FILES if (folder / name).is_file()]
    for part in _FOLDERS:
        found = sorted(path for path in (folder / part).rglob("*") if path.is_file())
        names += [path.relative_to(folder).as_posix() for path in found]
    return names
