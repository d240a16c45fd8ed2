"""Read the layout that Diff-Mix's `sample_mp.py` writes."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from genie_transforms import MissingFileError, UserError

from .foreign_image import ForeignImage

_SOURCE, _TARGET = "First Directory", "Second Directory"


_COLUMNS = (_SOURCE, _TARGET, "Strength", "Path")


def read_diff_mix(
    folder: Path, class_names: Sequence[str] | None = None
) -> tuple[list[ForeignImage], list[str]]:
    """Read a folder that Diff-Mix's `sample_mp.py` wrote.

    `meta.csv` has the classes of source and target ("First Directory", "Second Directory"),
    "Strength", and "Path" below `data/`. Which image was the source is not written anywhere.
    The strength is diffusers', a share of steps; with Stable Diffusion's evenly spaced steps
    it is the noise ratio, to within one step.

    Args:
        folder: Where `meta.csv` and `data/` are.
        class_names: Classes in the order of their labels; sorted names of `meta.csv` if not
            given. Blanks, `_` and `/` in them count as the same, as Diff-Mix writes all as `_`.

    Returns:
        The images in the order of `meta.csv`, and the class names.

    Raises:
        MissingFileError: There is no `meta.csv`.
        UserError: It lacks a column, has a strength that is not a number, or names a class that
            is none of `class_names`; or two classes have one name.
    """
    index = folder / "meta.csv"
    lines = _read_index(index)
    named = sorted({line[column] for line in lines for column in (_SOURCE, _TARGET)})
    names = named if class_names is None else list(class_names)
    known = {_plain(name): name for name in names}
    counts = Counter(_plain(name) for name in names)
    wrong = [name for name in names if counts[_plain(name)] > 1 or not name.strip()]
    if wrong:
        raise UserError(
            f"classes {wrong[:5]} have no name, or that of another one where blanks, _ and / count "
            "as the same: give --classes with a different name on each line"
        )
    unknown = [name for name in named if _plain(name) not in known]
    if unknown:
        raise UserError(f"{index} names {unknown[:5]}, which are not in the list of classes")
    images = [
        ForeignImage(
            path=folder / "data" / line["Path"],
            target=known[_plain(line[_TARGET])],
            source=known[_plain(line[_SOURCE])],
            source_path=None,
            noise_ratio=_strength(line, index),
            method="diff-mix",
        )
        for line in lines
    ]
    return images, names


def _read_index(path: Path) -> list[dict[str, str]]:
    """Read the lines of `meta.csv`."""
    if not path.is_file():
        raise MissingFileError(f"{path} is missing: give the folder that sample_mp.py wrote")
    with path.open(newline="") as file:
        reader = csv.DictReader(file, restval="")
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path} has no columns {', '.join(missing)}")
        return list(reader)


def _strength(line: dict[str, str], index: Path) -> float:
    """Read the noise ratio of one image."""
    try:
        return float(line["Strength"])
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{index} gives {line['Path']} the strength {line['Strength']!r}, not a number"
        ) from error


def _plain(name: str) -> str:
    """Bring a class name to the form in which Diff-Mix's names can be compared."""
    return name.replace("_", " ").replace("/", " ")
