"""Read hard negatives that other code wrote: the layouts of GeNIe's authors and of Diff-Mix."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from .negative import Negative

_DIFF_MIX_COLUMNS = ("First Directory", "Second Directory", "Strength", "Path")


def read_diff_mix(
    folder: Path, class_names: Sequence[str] | None = None
) -> tuple[list[Negative], list[str]]:
    """Read a folder that Diff-Mix's `sample_mp.py` wrote.

    `meta.csv` has the classes of source and target ("First Directory", "Second Directory"),
    "Strength", and "Path" below `data/`. Which picture was the source is not written anywhere.
    The strength is diffusers', a share of steps; with Stable Diffusion's evenly spaced steps
    it is the noise ratio, to within one step.

    Args:
        folder: Where `meta.csv` and `data/` are.
        class_names: Classes in the order of their labels; sorted names of `meta.csv` if not
            given. Blanks, `_` and `/` in them count as the same, as Diff-Mix writes all as `_`.

    Returns:
        The negatives in the order of `meta.csv`, and the class names.

    Raises:
        FileNotFoundError: There is no `meta.csv`.
        ValueError: It lacks a column, or names a class that is none of `class_names`.
    """
    index = folder / "meta.csv"
    if not index.is_file():
        raise FileNotFoundError(f"{index} is not there: give the folder that sample_mp.py wrote")
    with index.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in _DIFF_MIX_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{index} has no columns {', '.join(missing)}")
        lines = list(reader)
    if class_names is None:
        class_names = sorted({line[name] for line in lines for name in _DIFF_MIX_COLUMNS[:2]})
    known = {_plain(name): name for name in class_names}
    unknown = {line[name] for line in lines for name in _DIFF_MIX_COLUMNS[:2]}
    unknown = {name for name in unknown if _plain(name) not in known}
    if unknown:
        raise ValueError(f"{index} names {sorted(unknown)[:5]}, which are no classes of the list")
    negatives = [
        Negative(
            folder / "data" / line["Path"],
            known[_plain(line["Second Directory"])],
            known[_plain(line["First Directory"])],
            None,
            float(line["Strength"]),
            "diff-mix",
        )
        for line in lines
    ]
    return negatives, list(class_names)


def _plain(name: str) -> str:
    """Bring a class name to the form in which Diff-Mix's names can be compared."""
    return name.replace("_", " ").replace("/", " ")
