"""Captions from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genie_transforms import MissingFileError, UserError
from index.sources.captions import read_captions

IDS = ["dog/1.png", "dog/2.png", "car/1.png"]


def test_captions_from_json_and_csv(tmp_path: Path) -> None:
    expected = ["a red dog", "a dog, on grass", "a car"]
    names = dict(zip([*IDS, "cat/9.png"], [*expected, "a cat"], strict=True))
    (tmp_path / "a.json").write_text(json.dumps(names))
    lines = [f'{name},"{caption}  "' for name, caption in names.items()]
    (tmp_path / "a.csv").write_text("\n".join(["id,caption", *lines]))
    assert read_captions(tmp_path / "a.json", IDS) == expected
    assert read_captions(tmp_path / "a.csv", IDS) == expected


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.json", '{"dog/1.png": "a dog"}', r"no caption for 2 of 3 images, such as \['dog/2"),
        ("a.json", '{"dog/1.png": "a", "dog/1.png": "b"}', r"names the id 'dog/1\.png' twice"),
        ("a.json", '{"dog/1.png": 3}', r"expected .*, found \('dog/1\.png', 3\)"),
        ("a.json", "{", "is not JSON"),
        ("a.csv", "dog/1.png,a dog\n", "needs the columns id and caption"),
        ("a.csv", "id,caption\ndog/1.png,\n", "no caption for 3 of 3"),
        ("a.txt", "a dog", r"a \.json or \.csv file"),
    ],
)
def test_wrong_files_of_captions(tmp_path: Path, file: str, text: str, message: str) -> None:
    path = tmp_path / file
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_captions(path, IDS)
    with pytest.raises(MissingFileError, match=r"no captions at .*; --captioner MODEL writes them"):
        read_captions(tmp_path / "none.json", IDS)
