"""What `--source` names, and which file of this room opens it."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from genie_transforms import MissingFileError, UserError

from .demo import open_demo
from .huggingface import open_hub, open_parquet, open_saved
from .image_folder import open_image_folder
from .image_list import LIST_SUFFIXES, open_image_list
from .shards import open_shards
from .source import Source, check_source
from .splits import ask_for_split, splits_of_files
from .torchvision import open_torchvision

NAMED: dict[str, Callable[[str, str], Source]] = {
    "torchvision": open_torchvision,
    "hf": open_hub,
}
"""What a source begins with, before a colon, and what opens the rest."""

FILES: dict[str, Callable[[Sequence[Path], str], Source]] = {
    ".parquet": open_parquet,
    ".tar": open_shards,
}
"""How files of a source end, of which there may be many, and what opens them."""

_RANGE = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")


def open_source(source: str, image_root: str = "", flag: str = "--source") -> Source:
    """Open the images that `--source`, or a flag like it, names.

    Args:
        source: A folder with one folder of images for each class; `torchvision:CLASS:ROOT`;
            `hf:NAME[:SPLIT]`; a folder of `save_to_disk`; parquet files or WebDataset shards, a
            folder of them or a pattern such as `photos-*.tar`; a list of images (see
            `open_image_list`); or "" for the demo's scenes.
        image_root: Where the images of a list are; beside it if "".
        flag: What messages call it.

    Raises:
        MissingFileError: A folder or file is missing, or a class of a folder has no images.
        MissingPackageError: The package that reads it is missing.
        UserError: It is of no known kind, holds several splits, or no bank can be built from it.
    """
    what = f"{flag} {source}"
    is_list = Path(source).suffix.lower() in LIST_SUFFIXES
    if image_root and not is_list:
        raise UserError(f"--image-root {image_root} is for lists of images, not for {what}")
    if not source:
        return check_source(open_demo(), "the demo")
    prefix, colon, rest = source.partition(":")
    if colon and prefix in NAMED:
        return check_source(NAMED[prefix](rest, what), what)
    path = Path(source)
    if is_list and path.is_file():
        return check_source(open_image_list(path, image_root, what), what)
    if path.is_dir():
        return check_source(_open_folder(path, what), what)
    files = _expand(source, what)
    if not files:
        raise MissingFileError(f"{what}: no such folder or file")
    return check_source(_open_files(files, what), what)


def _open_folder(folder: Path, what: str) -> Source:
    """Open a folder by what is in it."""
    inside = list(folder.iterdir())
    names = {path.name for path in inside}
    if "dataset_dict.json" in names or {"state.json", "dataset_info.json"} <= names:
        return open_saved(folder, what)
    if not any(path.is_dir() and not path.name.startswith(".") for path in inside):
        for suffix in FILES:
            files = sorted(path for path in inside if path.suffix.lower() == suffix)
            if files:
                return _open_files(files, what)
    return open_image_folder(folder, what)


def _open_files(files: Sequence[Path], what: str) -> Source:
    """Open files of one kind, unless they are of several splits."""
    suffix = files[0].suffix.lower()
    if suffix not in FILES or any(file.suffix.lower() != suffix for file in files):
        raise UserError(
            f"{what} is of no known kind: give a folder, torchvision:CLASS:ROOT, hf:NAME, or "
            f"files that end with {', '.join([*FILES, *LIST_SUFFIXES])}"
        )
    splits = splits_of_files(files)
    if len(splits) > 1:
        raise ask_for_split(what, splits, f"'{files[0].parent}/*{splits[0]}*{suffix}'")
    return FILES[suffix](files, what)


def _expand(pattern: str, what: str) -> list[Path]:
    """Return the files of a pattern, with `*` as the shell has it or `{000..015}` as webdataset."""
    if Path(pattern).is_file():  # whose name may look like a pattern
        return [Path(pattern)]
    match = _RANGE.search(pattern)
    if match is None:
        return [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]
    numbers = range(int(match[1]), int(match[2]) + 1)
    names = [
        f"{pattern[: match.start()]}{number:0{len(match[1])}d}{pattern[match.end() :]}"
        for number in numbers
    ]
    missing = [name for name in names if not Path(name).is_file()]
    if missing:
        raise MissingFileError(f"{what}: there is no {missing[0]}")
    return [Path(name) for name in names]
