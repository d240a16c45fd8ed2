"""Names of classes: read from files, and compared."""

import json
from pathlib import Path

import pytest

from genie_transforms import MissingFileError, UserError
from index.sources.class_names import ClassName, ambiguous_names, read_class_names

FOLDERS = ["n01", "n02", "snow_fox"]
EXPECTED = [ClassName("tench", "fish"), ClassName("goldfish"), ClassName("snow fox")]


def test_class_names_from_json(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    content = {"n02": "goldfish", "n01": {"name": "tench", "superclass": "fish"}, "n99": "crane"}
    path.write_text(json.dumps(content))
    assert read_class_names(path, FOLDERS) == EXPECTED


def test_class_names_from_csv(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("folder,name,superclass\nn01,tench,fish\nn02,goldfish,\nsnow_fox,,\n")
    assert read_class_names(path, FOLDERS) == EXPECTED


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.json", '{"n01": "tench", "n01": "crane"}', "the folder 'n01' twice"),
        ("a.json", '{"n01": 3}', r"found \('n01', 3\)"),
        ("a.json", '["n01"]', "found 'n01'"),
        ("a.json", '"n01"', "found 'n01'"),
        ("a.json", "{", "is not JSON"),
        ("a.json", '{"x": "y"}', r"names none of the classes; it has \['x'\]"),
        ("a.csv", "n01,tench\n", "needs the columns folder and name"),
        ("a.txt", "n01 tench\n", r"a \.json or \.csv file"),
    ],
)
def test_wrong_files_of_names(tmp_path: Path, file: str, text: str, message: str) -> None:
    path = tmp_path / file
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_class_names(path, FOLDERS)
    with pytest.raises(MissingFileError, match="no class names at"):
        read_class_names(tmp_path / "none.json", FOLDERS)


def test_ambiguous_names_are_reported() -> None:
    names = [ClassName(n) for n in ("red fox", "fox", "Red-Fox", "foxglove", "dog")]
    assert ambiguous_names(names) == [
        "'red fox' and 'Red-Fox' are the same words",
        "'fox' is part of 'red fox'",
        "'fox' is part of 'Red-Fox'",
    ]
