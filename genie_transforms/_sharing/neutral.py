"""A bank's files without the folders of the machine that built it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

import pyarrow.compute as pc

from genie_transforms._errors import UserError
from genie_transforms.format import Manifest, read_json, read_rows, stats_checksum

_ABSOLUTE = r"~?/[^\s/]|[A-Za-z]:[\\/]|\\\\|file://"

# A path follows it in `torchvision:resnet50:/home/me/weights.pt`; not the colon of an address,
# and not that of a drive.
_COLON = re.compile(r"(?<!\b[A-Za-z]):(?!//)|(?<=\b[A-Za-z]):(?![\\/])")


def local_paths(*contents: Any) -> dict[str, str]:
    """Find the local paths in what JSON holds, and what to write in their place: their last part.

    A path is local if it is absolute, or if it has several parts and exists here: others cannot
    be told from names of models on a hub.
    """
    found = {}
    for text in (text for content in contents for text in _texts_of(content)):
        for part in _COLON.split(text):
            if re.match(_ABSOLUTE, part) or ("/" in part.strip("/") and _exists(part)):
                windows = "\\" in part
                name = (PureWindowsPath if windows else PurePath)(part.rstrip("/\\")).name
                found[part] = name or "local"
    home = str(Path.home())
    return found if home == "/" else {**found, home: "~"}


def neutral_files(folder: Path, names: Sequence[str], paths: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of a bank in which local paths stand, without these.

    Args:
        folder: The bank.
        names: Its files.
        paths: What to write in place of what, as from `local_paths`.

    Raises:
        BankError: A JSON file is damaged.
    """
    changed = {}
    for name in names:
        if name.endswith(".json"):
            content = read_json(folder, name)
            neutral = without_paths(content, paths)
            if neutral != content:
                if isinstance(content, dict) and content.get("checksum") == stats_checksum(content):
                    neutral["checksum"] = stats_checksum(neutral)
                changed[name] = (json.dumps(neutral, indent=2, sort_keys=True) + "\n").encode()
        elif name.endswith(".html"):
            text = (folder / name).read_text(encoding="utf-8")
            if (neutral := without_paths(text, paths)) != text:
                changed[name] = neutral.encode()
    return changed


def without_paths(content: Any, paths: Mapping[str, str]) -> Any:
    """Replace local paths in every text of what JSON holds."""
    if isinstance(content, dict):
        return {key: without_paths(value, paths) for key, value in content.items()}
    if isinstance(content, list):
        return [without_paths(value, paths) for value in content]
    if isinstance(content, str) and paths:
        longest_first = "|".join(map(re.escape, sorted(paths, key=len, reverse=True)))
        # Not within a longer name: `/data` is no part of `/data2` nor of `x/data`.
        whole = rf"(?<![\w/\\])(?:{longest_first})(?!\w)"
        return re.sub(whole, lambda match: paths[match[0]], content)
    return content


def check_source_ids(folder: Path, manifest: Manifest) -> None:
    """Refuse a bank whose rows name their sources by absolute paths: rows are not rewritten.

    Raises:
        UserError: It is one.
    """
    for shard in manifest.shards:
        ids = read_rows(folder / shard["name"]).column("source_id")
        found = ids.filter(pc.match_substring_regex(ids, f"^(?:{_ABSOLUTE})"))
        if len(found):
            raise UserError(
                f"the column source_id of {folder} has local paths such as {found[0].as_py()!r}, "
                f"which would be published: build the bank from a folder, or from a dataset whose "
                f"ids are relative"
            )


def _texts_of(content: Any) -> Iterator[str]:
    """Yield every text in what JSON holds, but for keys."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _texts_of(value)


def _exists(part: str) -> bool:
    """Tell whether there is such a file or folder here."""
    try:
        return Path(part).exists()
    except (OSError, ValueError):  # too long for a path, or not one
        return False
