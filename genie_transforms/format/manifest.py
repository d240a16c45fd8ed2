"""The bank on disk: its columns, its manifest `genie.json`, and what makes it readable.

A bank is a folder that Hugging Face `datasets` opens with `load_from_disk`: Arrow IPC *stream*
files with the features in the schema's metadata, `state.json` and `dataset_info.json`. The
manifest is written last, so a folder without it is an unfinished build.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genie_transforms._errors import BankFormatError, UnfinishedBankError

FORMAT_VERSION = 1


MANIFEST = "genie.json"


@dataclass(frozen=True)
class Manifest:
    """What `genie.json` says of a bank.

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
        format_version: Version of this format.
    """

    class_names: list[str]
    recipe: dict[str, Any]
    fingerprint: dict[str, Any]
    counts: dict[str, int]
    shards: list[dict[str, Any]]
    versions: dict[str, str]
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

        Raises:
            FileNotFoundError: There is no such folder.
            UnfinishedBankError: The folder has no `genie.json`.
            BankFormatError: The manifest is damaged or of another format version.
        """
        if not folder.is_dir():
            raise FileNotFoundError(
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
            version = content["format_version"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise BankFormatError(f"{path} is damaged ({error!r}): rebuild the bank") from error
        if version != FORMAT_VERSION:
            raise BankFormatError(
                f"{path} has format version {version}, this library reads {FORMAT_VERSION}: "
                f"{'upgrade genie-transforms' if version > FORMAT_VERSION else 'rebuild the bank'}"
            )
        return cls(**content)
