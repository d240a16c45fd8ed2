"""How prompts speak of the classes: in the words of a file, or of the folders' names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genie_transforms import MissingFileError, UserError

from .tables import read_mapping


@dataclass(frozen=True)
class ClassName:
    """How prompts speak of a class.

    Attributes:
        display: As in "a photo of a <display>".
        superclass: As in "a type of <superclass>"; "" if none is known.
    """

    display: str
    superclass: str = ""


def folder_to_words(folder: str) -> str:
    """Return a folder's name as words: underscores become spaces."""
    return " ".join(folder.replace("_", " ").split())


def is_wordnet_id(name: str) -> bool:
    """Return whether a name is an id as ImageNet's folders have it, such as "n01440764"."""
    return re.fullmatch(r"n\d{8}", name) is not None


def read_class_names(path: Path, folders: Sequence[str]) -> list[ClassName]:
    """Read what classes are called in prompts.

    Args:
        path: A .json file, `{"n01440764": "tench"}` or `{"n01440764": {"name": "tench",
            "superclass": "fish"}}`; or a .csv file with the columns folder, name and, if wanted,
            superclass. Folders it does not mention keep their own name; it may mention others.
        folders: Folder names of the classes.

    Returns:
        A name for each folder, in order.

    Raises:
        MissingFileError: There is no such file.
        UserError: The file is of another kind or shape, names a folder twice, or none of
            `folders`.
    """
    if not path.is_file():
        raise MissingFileError(f"no class names at {path}")
    table = read_mapping(path, "folder", ["name", "superclass"])
    if not table.keys() & set(folders):
        raise UserError(
            f"{path} names none of the classes; it has {sorted(table)[:3]}, the classes are "
            f"{list(folders)[:3]}"
        )
    names = []
    for folder in folders:
        entry = table.get(folder, {"name": "", "superclass": ""})
        names.append(ClassName(entry["name"] or folder_to_words(folder), entry["superclass"]))
    return names


def ambiguous_names(names: Sequence[ClassName]) -> list[str]:
    """Return what a diffusion model may confuse among the names, one line for each case.

    Two names that differ in case, spaces or hyphens only; and a name that is part of another
    ("fox" and "red fox"), so that images of the first may show the second.
    """
    words = [tuple(re.findall(r"\w+", name.display.lower())) for name in names]
    first: dict[tuple[str, ...], str] = {}
    reports = []
    for name, key in zip(names, words, strict=True):
        if key in first:
            reports.append(f"{first[key]!r} and {name.display!r} are the same words")
        first.setdefault(key, name.display)
    for name, key in zip(names, words, strict=True):
        parts = {key[i:j] for i in range(len(key)) for j in range(i + 1, len(key) + 1)} - {key}
        shown = sorted(first[part] for part in parts if part in first)
        reports += [f"{part!r} is part of {name.display!r}" for part in shown]
    return reports


def class_names_for(class_names: str, folders: Sequence[str]) -> list[ClassName]:
    """Return the name of each class.

    Args:
        class_names: The file to read them from (see `read_class_names`); "" for the folders'
            own names.
        folders: Folder names of the classes.
    """
    if class_names:
        return read_class_names(Path(class_names), folders)
    return [ClassName(folder_to_words(folder)) for folder in folders]
