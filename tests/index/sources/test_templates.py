"""Prompts from templates and class names."""

import pytest

from genie_transforms import UserError
from index.sources.class_names import ClassName
from index.sources.templates import (
    check_template,
    make_prompts,
)

FINE_GRAINED = "A photo of a {target}, a type of {superclass}"


def test_underscores_become_spaces() -> None:
    assert make_prompts("A photo of a {target}", ["great_white_shark", "dog"]) == [
        "A photo of a great white shark",
        "A photo of a dog",
    ]


def test_superclass() -> None:
    names = [ClassName("Audi TT", "car"), ClassName("BMW M3", "car")]
    assert make_prompts(FINE_GRAINED, names)[0] == "A photo of a Audi TT, a type of car"
    with pytest.raises(UserError, match="needs the superclass of 'dog'"):
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


def test_articles_go_by_sound() -> None:
    vowels = ["umbrella", "heirloom", "honest man", "uninked pen", "Owl", "X-ray", "S-hook"]
    vowels += ["8-ball", "11-inch nail"]
    consonants = ["uniform", "European robin", "one-way sign", "ukulele", "house", "used car"]
    consonants += ["7-up", "10-speed bicycle"]
    prompts = make_prompts("a {target}", [*vowels, *consonants], agree=True)
    expected = [f"an {name}" for name in vowels] + [f"a {name}" for name in consonants]
    assert prompts == expected


def test_two_classes_with_one_prompt_are_named() -> None:
    with pytest.raises(UserError, match="'red_fox' and 'red fox' get the same prompt"):
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
    with pytest.raises(UserError, match=message):
        make_prompts(template, ["dog"])
    with pytest.raises(UserError, match=message):  # also before there are classes
        check_template(template)
