"""Prompts from class names."""

import pytest

from index.prompts import check_prompts, make_prompts


def test_underscores_become_spaces() -> None:
    assert make_prompts("A photo of a {target}", ["great_white_shark", "dog"]) == [
        "A photo of a great white shark",
        "A photo of a dog",
    ]


def test_two_classes_with_one_prompt_are_named() -> None:
    with pytest.raises(ValueError, match="'red_fox' and 'red fox' get the same prompt"):
        make_prompts("a {target}", ["red_fox", "red fox"])


def test_unknown_placeholder_is_refused() -> None:
    with pytest.raises(ValueError, match="only placeholder"):
        make_prompts("a {target} on {place}", ["dog"])


def test_too_long_prompts_are_refused_with_their_length() -> None:
    check_prompts(["one two"], lambda prompt: len(prompt.split()), 2)
    with pytest.raises(ValueError, match="'one two three' has 3 tokens, the model reads 2"):
        check_prompts(["one two three"], lambda prompt: len(prompt.split()), 2)
