"""Several prompts of a class, from a file or from templates."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from genie_transforms import MissingFileError, UserError
from index.sources.class_prompts import class_prompts, read_prompts

CLASSES = ["fox", "owl"]


def _file(folder: Path, text: str) -> Path:
    path = folder / "prompts.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_gives_each_class_its_prompts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = '{"owl": ["An owl  at night\\n", "An owl"], "fox": ["A fox"], "elk": ["An elk"]}'
    with caplog.at_level(logging.WARNING):
        found = read_prompts(_file(tmp_path, text), CLASSES)
    assert found == {"fox": ("A fox",), "owl": ("An owl at night", "An owl")}
    assert "1 names that are no classes, such as ['elk']" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('["fox"]', "expected"),
        ('{"fox": "A fox"}', "expected"),
        ('{"fox": []}', "expected"),
        ('{"fox": ["A fox", 3]}', "expected"),
        ('{"fox": [" "]}', "a prompt of 'fox' is empty"),
        ('{"fox": ["A photo of a {target}"]}', "looks like a template"),
        ('{"fox": ["A fox"], "fox": ["Another fox"]}', "names the class 'fox' twice"),
        ('{"Fox": ["A fox"]}', "names none of the classes; it has"),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_prompts(_file(tmp_path, text), CLASSES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no prompts at"):
        read_prompts(tmp_path / "none.json", CLASSES)


def test_a_class_that_the_file_lacks_takes_templates_only_if_there_are_some() -> None:
    written = {"owl": ("An owl at night", "An owl")}
    filled = [["A photo of a fox", "A photo of a owl"], ["A fox", "A owl"]]
    assert class_prompts(CLASSES, filled, written, CLASSES) == [
        ("A photo of a fox", "A fox"),
        ("An owl at night", "An owl"),
    ]
    with pytest.raises(UserError, match=r"no prompts for 1 of 2 targets, such as \['fox'\]"):
        class_prompts(CLASSES, [], written, CLASSES)
    assert class_prompts(CLASSES, [], written, ["owl"]) == [(), written["owl"]]  # never prompted


def test_no_prompt_comes_twice() -> None:
    with pytest.raises(UserError, match="'A bird' comes twice, for 'fox' and 'owl'"):
        class_prompts(CLASSES, [], {"fox": ("A fox", "A bird"), "owl": ("A bird",)}, CLASSES)
    with pytest.raises(UserError, match="'A fox' comes twice, for 'fox' and 'fox'"):
        class_prompts(CLASSES, [["A fox", "An owl"], ["A fox", "One owl"]], {}, CLASSES)
