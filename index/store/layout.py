"""What lies where in the folder of a bank, and what does not belong there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from genie_transforms import FolderInUseError
from genie_transforms.format import CARD, JUDGEMENTS, MANIFEST, is_temporary, remove_temporaries

from .lock import LOCK
from .signs import SIGNS, remove_signs

BUILD = "build.json"

SOURCES = "sources"
"""Folder of the embeddings of source images, in blocks."""


MIRROR = "mirror.json"
"""What of the folder is elsewhere, too; only where `--out` is a URI."""


_SHARED = (BUILD, MANIFEST, CARD, "state.json", "dataset_info.json", "preview.png", "report.html")
_FILES = (*_SHARED, LOCK, MIRROR)
_MIRRORED = ("stats", "embeddings", "index", "preview", "earlier", SOURCES, JUDGEMENTS)
_FOLDERS = (*_MIRRORED, SIGNS)
_BLOCK = re.compile(r"[0-9a-f]{32}\.arrow")
_SHARD = re.compile(r"data-(\d{5,})-of-\d{5,}\.arrow|embeddings/(\d{5,})\.arrow")
_STATS = re.compile(r"stats/(\d{5,})\.json")


def check_folder(out: Path) -> None:
    """Refuse a folder that holds something else than a bank, begun or finished.

    It needs no recipe, so a build asks this before it loads a model. What a build leaves that was
    killed before it could write `build.json` is nothing else.

    Raises:
        FolderInUseError: It does.
    """
    if out.exists() and not out.is_dir():
        raise FolderInUseError(f"{out} is a file: give another --out")
    if not out.exists() or any((out / name).exists() for name in (BUILD, MANIFEST)):
        return
    if any((out / "stats").glob("[0-9]*.json")):
        return  # `build.json` is lost; the shards know their recipe
    if not all(_is_ours(path) for path in out.iterdir()):
        raise FolderInUseError(f"{out} is not empty and not a bank: give another --out")


def check_kinds(out: Path) -> None:
    """Refuse a bank in which a folder stands where a file belongs, or a file for a folder.

    Raises:
        FolderInUseError: Names it.
    """
    files = [out / name for name in _FILES]
    files += [path for name in _FOLDERS for path in _in(out / name)]
    files += out.glob("data-*.arrow")
    for path in files:
        if path.is_dir():
            raise FolderInUseError(
                f"{path} is a folder where a bank has a file: move it away, then run the same "
                "command again"
            )
    for name in _FOLDERS:
        if (out / name).exists() and not (out / name).is_dir():
            raise FolderInUseError(
                f"{out / name} is a file where a bank has a folder: move it away, then run the "
                "same command again"
            )


def source_blocks(out: Path) -> list[Path]:
    """List the files that hold embeddings of source images."""
    return [path for path in _in(out / SOURCES) if _BLOCK.fullmatch(path.name)]


def check_names(place: str, names: Iterable[str]) -> None:
    """Refuse a folder elsewhere that holds something else than a bank, begun or finished.

    Args:
        place: What to call it.
        names: Of all its files, relative to it.

    Raises:
        FolderInUseError: It does.
    """
    found = list(names)
    known = any(name in (BUILD, MANIFEST) or _STATS.fullmatch(name) for name in found)
    if not known and any(name != LOCK and not is_mirrored(name) for name in found):
        raise FolderInUseError(f"{place} is not empty and not a bank: give another --out")


def is_mirrored(name: str) -> bool:
    """Tell whether a name, relative to a bank's folder, is of a file that goes where `--out` says.

    Nobody else's name leads out of the folder: what it is made of stands here.
    """
    folder, slash, file = name.rpartition("/")
    if slash:
        whole = folder in _MIRRORED and file not in ("", "..", ".") and not set(file) & {"\\", "\0"}
        return whole and not is_temporary(Path(file))
    return file in _SHARED or _SHARD.fullmatch(file) is not None


def shard_number(name: str) -> int | None:
    """Return of which shard a file is: its rows, its embeddings, or the stats; None for others."""
    match = _SHARD.fullmatch(name) or _STATS.fullmatch(name)
    return int(next(number for number in match.groups() if number)) if match else None


def is_stats(name: str) -> bool:
    """Tell whether a name is of the stats of a shard."""
    return _STATS.fullmatch(name) is not None


def mirrored_files(out: Path) -> dict[str, os.stat_result]:
    """List the files that go where `--out` says; of shards only the finished ones."""
    # Stats first: what they say is there was there before them.
    folders = ["stats/", *(f"{name}/" for name in _MIRRORED if name != "stats"), ""]
    found = {}
    for folder in folders:
        for path in _in(out / folder):
            name = f"{folder}{path.name}"
            if is_mirrored(name) and path.is_file():
                with suppress(FileNotFoundError):  # removed just now
                    found[name] = path.stat()
    finished = {shard_number(name) for name in found if is_stats(name)} | {None}
    return {name: stat for name, stat in found.items() if shard_number(name) in finished}


def remove_leftovers_of_killed(out: Path) -> None:
    """Remove temporary files and signs of builds that were killed; only for who owns the folder."""
    remove_signs(out)
    for folder in (out, *(out / name for name in _FOLDERS)):
        remove_temporaries(folder, everyone=True)
    # Trainings decode into this one, and know of no lock.
    remove_temporaries(out / "decoded")


def _in(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _is_ours(path: Path) -> bool:
    """Tell whether only a build before its claim would have left this."""
    if path.name == SOURCES and path.is_dir():
        return all(_BLOCK.fullmatch(one.name) or is_temporary(one) for one in path.iterdir())
    return path.name in (LOCK, MIRROR) or is_temporary(path)
