"""What lies where in the folder of a bank, and what does not belong there."""

from __future__ import annotations

import re
from pathlib import Path

from genie_transforms import FolderInUseError
from genie_transforms.format import CARD, MANIFEST, is_temporary, remove_temporaries

from .lock import LOCK

BUILD = "build.json"

SOURCES = "sources"
"""Folder of the embeddings of source images, in blocks."""


_FILES = (BUILD, MANIFEST, CARD, LOCK, "state.json", "dataset_info.json", "preview.png")
_FOLDERS = ("stats", "embeddings", "index", "preview", "earlier", SOURCES)
_BLOCK = re.compile(r"[0-9a-f]{32}\.arrow")


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


def remove_leftovers_of_killed(out: Path) -> None:
    """Remove the temporary files of builds that were killed; only for who owns the folder."""
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
    return path.name == LOCK or is_temporary(path)
