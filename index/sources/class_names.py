"""Prompts from class names."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


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
    """Turn a folder name into words: underscores become spaces."""
    return " ".join(folder.replace("_", " ").split())


def read_class_names(path: Path, folders: Sequence[str]) -> list[ClassName]:
    """Read how classes are to be called.

    Args:
        path: A .json file, `{"n01440764": "tench"}` or `{"n01440764": {"name": "tench",
            "superclass": "fish"}}`; or a .csv file with the columns folder, name and, if wanted,
            superclass. Folders it does not mention keep their own name; it may mention others.
        folders: Folder names of the classes.

    Returns:
        A name for each folder, in order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is of another kind or shape, names a folder twice, or none of ours.
    """
    if not path.exists():
        raise FileNotFoundError(f"no class names at {path}")
    readers = {".json": _read_json, ".csv": _read_csv}
    if path.suffix not in readers:
        raise ValueError(f"class names are a .json or .csv file, got {path}")
    known: dict[str, ClassName] = {}
    for folder, name in readers[path.suffix](path):
        if folder in known:
            raise ValueError(f"{path} names the folder {folder!r} twice")
        known[folder] = ClassName(name.display or folder_to_words(folder), name.superclass)
    if not known.keys() & set(folders):
        raise ValueError(
            f"{path} names none of the classes; it has {sorted(known)[:3]}, the classes are "
            f"{list(folders)[:3]}"
        )
    return [known.get(folder, ClassName(folder_to_words(folder))) for folder in folders]


def _read_json(path: Path) -> Iterable[tuple[str, ClassName]]:
    try:  # as pairs, for a dict would swallow a folder that is named twice
        pairs = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        match pair:
            case (str(folder), str(name)):
                yield folder, ClassName(name)
            case (str(folder), list(fields)) if all(isinstance(field, tuple) for field in fields):
                values = {str(key): str(value) for key, value in fields}
                yield folder, ClassName(values.get("name", ""), values.get("superclass", ""))
            case _:
                raise ValueError(f'{path}: expected {{"folder": "name", …}}, found {pair!r}')


def _read_csv(path: Path) -> Iterable[tuple[str, ClassName]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"folder", "name"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} needs the columns folder and name, has {rows.fieldnames}")
        for row in rows:
            yield row["folder"], ClassName(row["name"] or "", row.get("superclass") or "")


def ambiguous_names(names: Sequence[ClassName]) -> list[str]:
    """Report names that a diffusion model may take for one another, one line each.

    Two classes whose names differ in case, spaces or hyphens only; and a name that is part of
    another's ("fox" and "red fox"), so that its pictures may show the other.
    """
    words = [tuple(re.findall(r"\w+", name.display.lower())) for name in names]
    place: dict[tuple[str, ...], str] = {}
    reports = []
    for name, key in zip(names, words, strict=True):
        if key in place:
            reports.append(f"{place[key]!r} and {name.display!r} are the same words")
        place.setdefault(key, name.display)
    for name, key in zip(names, words, strict=True):
        parts = {key[i:j] for i in range(len(key)) for j in range(i + 1, len(key) + 1)} - {key}
        shown = sorted(place[part] for part in parts if part in place)
        reports += [f"{part!r} is part of {name.display!r}" for part in shown]
    return reports


def class_names_for(class_names: str, folders: Sequence[str]) -> list[ClassName]:
    """Give the classes' names, from the file that `class_names` names or else the folders'."""
    if class_names:
        return read_class_names(Path(class_names), folders)
    return [ClassName(folder_to_words(folder)) for folder in folders]
