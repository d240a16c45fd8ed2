"""What a bank says of itself, `genie.json`, and which files belong to it.

The manifest is written last, so a folder without it is an unfinished build.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeGuard

from genie_transforms._errors import BankFormatError, BankNotFoundError, UnfinishedBankError
from genie_transforms._pixel_key import PIXEL_HASH

from .schema import DATASET_INFO, STATE
from .temporary import is_temporary
from .untrusted import bank_file, read_json

FORMAT_VERSION = 1


MANIFEST = "genie.json"


CARD = "README.md"


JUDGEMENTS = "judgements"
"""Folder of what judges and people say of the rows; see `judgements.py`."""


_SHARD = re.compile(r"data-[0-9]{5}-of-[0-9]{5}\.arrow")
_SHA256 = re.compile("[0-9a-f]{64}")


# Beside shards, manifest and card; a bank need not have all of them.
_OTHER_FILES = (STATE, DATASET_INFO, "build.json", "preview.png", "report.html")
_FOLDERS = ("index", "stats", "embeddings", JUDGEMENTS)


@dataclass(frozen=True)
class Manifest:
    """The content of `genie.json`.

    Attributes:
        class_names: Names of the classes; labels are positions in it.
        recipe: The whole configuration of the build.
        fingerprint: Everything that changes pixels or r*: model and revision or file hashes,
            scheduler, steps, guidance, grid, prompts, preprocessing, backbone, seed policy.
        counts: `pairs` planned, `rows` written, `failed`, `network_rows` (rows that went
            through the denoiser in the last build of each shard, guidance counted), `reused` (pairs
            that an earlier build had made, whose cost is not in it), `shards`.
        shards: Name, rows and SHA-256 of each shard file, in order.
        versions: Library versions of the build.
        sources: Number and SHA-256 of the images that `index/sources.arrow` knows; None for a bank
            without it, which knows the sources of its rows.
        pixel_keys: `hash` of the keys of `index/pixel_keys.arrow`, number and SHA-256 of these;
            None for a bank without them, whose images are found by their digests.
        format_version: Version of this format.
    """

    class_names: list[str]
    recipe: dict[str, Any]
    fingerprint: dict[str, Any]
    counts: dict[str, int]
    shards: list[dict[str, Any]]
    versions: dict[str, str]
    sources: dict[str, Any] | None = None
    pixel_keys: dict[str, Any] | None = None
    format_version: int = FORMAT_VERSION

    @property
    def num_rows(self) -> int:
        """Rows of all shards."""
        return sum(shard["rows"] for shard in self.shards)

    @property
    def known_pixel_keys(self) -> dict[str, Any] | None:
        """The entry of the pixel keys, if they are of the hash that this library computes."""
        keys = self.pixel_keys
        return keys if keys is not None and keys["hash"] == PIXEL_HASH else None

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
        path = folder / MANIFEST
        try:
            is_folder, is_finished = folder.is_dir(), path.exists()
        except OSError as error:
            raise BankFormatError(f"the bank {folder} cannot be read: {error}") from error
        if not is_folder:
            raise BankNotFoundError(
                f"no bank at {folder}: build one with `python -m index.build --out {folder}`"
            )
        if not is_finished:
            raise UnfinishedBankError(
                f"{folder} has no {MANIFEST}: its build did not end, and the same `python -m "
                f"index.build … --out {folder}` continues where it stopped; or it is not a bank"
            )
        content = read_json(folder, MANIFEST)
        version = content.get("format_version") if isinstance(content, dict) else None
        if not _is_whole(version):
            raise BankFormatError(f"{path} is damaged (no format_version): rebuild the bank")
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
        problem = next(_problems(content), None)
        if problem is not None:
            raise BankFormatError(f"{path} is damaged ({problem}): rebuild the bank")
        known = [field.name for field in fields(cls) if field.name in content]
        return cls(**{name: content[name] for name in known})


def _problems(content: dict[str, Any]) -> Iterator[str]:
    """Say what is not of the type or in the range that this library relies on."""
    names = content["class_names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield "class_names must be a list of texts"
    elif len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        yield f"class_names has {twice!r} twice"
    for key in ("recipe", "fingerprint", "versions"):
        if not isinstance(content[key], dict):
            yield f"{key} must be an object"
    counts = content["counts"]
    if not isinstance(counts, dict) or not all(map(_is_count, counts.values())):
        yield "counts must be an object of whole numbers from 0 on"
    sources = content.get("sources")
    if sources is not None and not (isinstance(sources, dict) and _is_entry(sources, "images")):
        yield "sources must have images and sha256"
    keys = content.get("pixel_keys")
    if keys is not None and not (
        isinstance(keys, dict) and isinstance(keys.get("hash"), str) and _is_entry(keys, "images")
    ):
        yield "pixel_keys must have hash, images and sha256"
    if not isinstance(content["shards"], list):
        yield "shards must be a list"
        return
    seen = set()
    for place, shard in enumerate(content["shards"]):
        problem = _problem_of_shard(shard)
        if problem is not None:
            yield f"shards[{place}] {problem}"
            return
        if shard["name"] in seen:
            yield f"the shard {shard['name']} is listed twice"
        seen.add(shard["name"])


def _problem_of_shard(shard: Any) -> str | None:
    """Say what is wrong with the entry of a shard, if anything is."""
    if not isinstance(shard, dict):
        return "must be an object"
    name = shard.get("name")
    if not isinstance(name, str) or not _SHARD.fullmatch(name):
        return f"has the name {name!r} and must be like data-00000-of-00042.arrow"
    return None if _is_entry(shard, "rows") else "must have rows and sha256"


def _is_entry(entry: dict[str, Any], count: str) -> bool:
    """Tell whether an entry states a count and a SHA-256."""
    digest = entry.get("sha256")
    is_digest = isinstance(digest, str) and _SHA256.fullmatch(digest) is not None
    return is_digest and _is_count(entry.get(count))


def _is_whole(value: Any) -> TypeGuard[int]:
    """Tell whether a value of JSON is a whole number; True and False are numbers to Python."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    """Tell whether a value of JSON counts something: from 0 to what 64 bits hold."""
    return _is_whole(value) and 0 <= value < 2**63


def is_bank_file(name: str) -> bool:
    """Tell whether a path relative to a bank's folder is one that a bank of other rows may have."""
    is_shard = name.startswith("data-") and name.endswith(".arrow")
    return is_shard or name in _OTHER_FILES or name.split("/")[0] in _FOLDERS


def is_beside_shards(name: str) -> bool:
    """Tell whether a path relative to a bank's folder is one of `bank_files`, or the card.

    Of shards only the manifest can tell.
    """
    return name in (MANIFEST, CARD, *_OTHER_FILES) or name.split("/")[0] in _FOLDERS


def bank_files(folder: Path, manifest: Manifest) -> list[str]:
    """List the files that make a bank, relative to its folder; its card is not among them.

    What can be made from these, such as the decoded cache and the sheets of `preview/`, and what
    only a continued build needs (`earlier/`), is not part of the bank.

    Raises:
        BankFormatError: One of them is a link out of the folder.
    """
    names = [shard["name"] for shard in manifest.shards] + [MANIFEST]
    names += [name for name in _OTHER_FILES if (folder / name).is_file()]
    for part in _FOLDERS:
        files = (path for path in (folder / part).rglob("*") if path.is_file())
        found = sorted(path for path in files if not is_temporary(path))
        names += [path.relative_to(folder).as_posix() for path in found]
    for name in names:
        bank_file(folder, name)
    return names
