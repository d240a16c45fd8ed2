"""Prompts from class names."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

PLACEHOLDERS = frozenset({"target", "superclass"})
_ARTICLE = re.compile(r"\b([Aa])n?( +)(?=\{(target|superclass)\})")
# By sound, not by letter; enough for the class names of the usual datasets.
_CONSONANT_SOUND = re.compile(r"(uni(?!n|m)|use|usu|uti|ura|ure|uro|uku|eu|ewe|one\b|once\b|ouija)")
_VOWEL_SOUND = re.compile(r"([aeiou]|hour|honest|honou?r|heir)")


@dataclass(frozen=True)
class ClassName:
    """How prompts speak of a class.

    Attributes:
        display: As in "a photo of a <display>".
        superclass: As in "a type of <superclass>"; "" if none is known.
    """

    display: str
    superclass: str = ""


def make_prompts(
    template: str, class_names: Sequence[str | ClassName], *, agree: bool = False
) -> list[str]:
    """Fill the template for each class.

    Args:
        template: Text with {target}, and {superclass} if wanted (paper, fine-grained
            experiments: "A photo of a {target}, a type of {superclass}").
        class_names: Folder names, whose underscores become spaces, or `ClassName`s.
        agree: Let an article "a" or "an" before a placeholder agree with what follows.

    Raises:
        ValueError: The template has no {target} or another placeholder, a superclass is
            missing, or two classes get the same prompt.
    """
    _check_template(template)
    prompts: dict[str, str] = {}
    for given in class_names:
        name = given if isinstance(given, ClassName) else ClassName(spaced(given))
        if "{superclass}" in template and not name.superclass:
            raise ValueError(
                f"prompt {template!r} needs the superclass of {name.display!r}: give it in the "
                "file of class names"
            )
        words = {"target": name.display, "superclass": name.superclass}
        prompt = (_agreed(template, words) if agree else template).format(**words)
        shown = given if isinstance(given, str) else given.display
        if prompt in prompts:
            raise ValueError(
                f"classes {prompts[prompt]!r} and {shown!r} get the same prompt, {prompt!r}: tell "
                "them apart in the file of class names"
            )
        prompts[prompt] = shown
    return list(prompts)


def _check_template(template: str) -> None:
    try:
        found = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    except ValueError as error:
        raise ValueError(f"prompt {template!r}: {error}") from error
    if found - PLACEHOLDERS:
        raise ValueError(
            f"prompt {template!r}: its only placeholders are {{target}} and {{superclass}}"
        )
    if "target" not in found:
        raise ValueError(f"prompt {template!r} has no {{target}}")


def _agreed(template: str, words: dict[str, str]) -> str:
    def choose(match: re.Match[str]) -> str:
        return f"{match[1]}{'n' if sounds_like_vowel(words[match[3]]) else ''}{match[2]}"

    return _ARTICLE.sub(choose, template)


def sounds_like_vowel(phrase: str) -> bool:
    """Say whether "an" goes before an English phrase: "ankle boot", "hour", not "unicorn"."""
    lower = phrase.lower()
    return bool(_VOWEL_SOUND.match(lower)) and not _CONSONANT_SOUND.match(lower)


def spaced(folder: str) -> str:
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
        known[folder] = ClassName(name.display or spaced(folder), name.superclass)
    if not known.keys() & set(folders):
        raise ValueError(
            f"{path} names none of the classes; it has {sorted(known)[:3]}, the classes are "
            f"{list(folders)[:3]}"
        )
    return [known.get(folder, ClassName(spaced(folder))) for folder in folders]


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


def check_prompts(
    prompts: Sequence[str], num_tokens: Callable[[str], int], max_tokens: int
) -> None:
    """Refuse prompts that the text encoder would cut off.

    Args:
        prompts: The prompts.
        num_tokens: Counts the tokens of a prompt, marks included.
        max_tokens: Tokens that the text encoder reads.

    Raises:
        ValueError: A prompt is too long; names it and its number of tokens.
    """
    for prompt in prompts:
        count = num_tokens(prompt)
        if count > max_tokens:
            raise ValueError(
                f"prompt {prompt!r} has {count} tokens, the model reads {max_tokens}: shorten it"
            )
