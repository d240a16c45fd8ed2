"""Prompts from class names."""

import json
from pathlib import Path

import pytest

from index.sources.class_names import ClassName, ambiguous_names, read_class_names
from index.sources.templates import check_prompts, make_prompts, sounds_like_vowel

FINE_GRAINED = "A photo of a {target}, a type of {superclass}"


def test_underscores_become_spaces() -> None:
    assert make_prompts("A photo of a {target}", ["great_white_shark", "dog"]) == [
        "A photo of a great white shark",
        "A photo of a dog",
    ]


def test_superclass() -> None:
    names = [ClassName("Audi TT", "car"), ClassName("BMW M3", "car")]
    assert make_prompts(FINE_GRAINED, names)[0] == "A photo of a Audi TT, a type of car"
    with pytest.raises(ValueError, match="needs the superclass of 'dog'"):
        make_prompts(FINE_GRAINED, ["dog"])


def test_articles_agree_only_if_wanted() -> None:
    names = ["ankle_boot", "dog", "hourglass", "unicorn"]
    assert make_prompts("A {target}", names)[0] == "A ankle boot"
    prompts = make_prompts("An {target}, seen by a man", names, agree=True)
    assert prompts == [
        "An ankle boot, seen by a man",
        "A dog, seen by a man",
        "An hourglass, seen by a man",
        "A unicorn, seen by a man",
    ]
    owl = ClassName("Owl", "animal")
    assert make_prompts("a  {target} is a {superclass}", [owl], agree=True) == [
        "an  Owl is an animal"
    ]


@pytest.mark.parametrize("phrase", ["umbrella", "heirloom", "honest man", "uninked pen", "Owl"])
def test_vowel_sounds(phrase: str) -> None:
    assert sounds_like_vowel(phrase)


@pytest.mark.parametrize(
    "phrase", ["uniform", "European robin", "one-way sign", "ukulele", "house", "used car", ""]
)
def test_consonant_sounds(phrase: str) -> None:
    assert not sounds_like_vowel(phrase)


def test_two_classes_with_one_prompt_are_named() -> None:
    with pytest.raises(ValueError, match="'red_fox' and 'red fox' get the same prompt"):
        make_prompts("a {target}", ["red_fox", "red fox"])


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a {target} on {place}", "only placeholders are {target} and {superclass}"),
        ("a {}", "only placeholders"),
        ("a photo", "has no {target}"),
        ("a {target", "expected '}'"),
    ],
)
def test_wrong_templates_are_refused(template: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_prompts(template, ["dog"])


def test_too_long_prompts_are_refused_with_their_length() -> None:
    check_prompts(["one two"], lambda prompt: len(prompt.split()), 2)
    with pytest.raises(ValueError, match="'one two three' has 3 tokens, the model reads 2"):
        check_prompts(["one two three"], lambda prompt: len(prompt.split()), 2)


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
        ("a.json", "{", "is no JSON"),
        ("a.json", '{"x": "y"}', r"names none of the classes; it has \['x'\]"),
        ("a.csv", "n01,tench\n", "needs the columns folder and name"),
        ("a.txt", "n01 tench\n", r"a \.json or \.csv file"),
    ],
)
def test_wrong_files_of_names(tmp_path: Path, file: str, text: str, message: str) -> None:
    path = tmp_path / file
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_class_names(path, FOLDERS)
    with pytest.raises(FileNotFoundError, match="no class names at"):
        read_class_names(tmp_path / "none.json", FOLDERS)


def test_ambiguous_names_are_reported() -> None:
    names = [ClassName(n) for n in ("red fox", "fox", "Red-Fox", "foxglove", "dog")]
    assert ambiguous_names(names) == [
        "'red fox' and 'Red-Fox' are the same words",
        "'fox' is part of 'red fox'",
        "'fox' is part of 'Red-Fox'",
    ]
