"""Prompts of the classes, from a template and the classes' names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Formatter

from genie_transforms import UserError

from .class_names import ClassName, folder_to_words

PLACEHOLDERS = frozenset({"target", "superclass"})

_ARTICLE = re.compile(r"\b([Aa])n?( +)(?=\{(target|superclass)\})")

_DIGITS = re.compile(r"^\d+")


def make_prompts(
    template: str, class_names: Sequence[str | ClassName], *, agree: bool = False
) -> list[str]:
    """Return the prompt of each class: the template filled with its name.

    Args:
        template: Text with {target}, and {superclass} if wanted (paper, fine-grained
            experiments: "A photo of a {target}, a type of {superclass}").
        class_names: Folder names, whose underscores become spaces, or `ClassName`s.
        agree: Make an article "a" or "an" before a placeholder agree with what follows.

    Raises:
        UserError: The template cannot be filled (see `check_template`), a superclass is
            missing, or two classes get the same prompt.
    """
    check_template(template)
    prompts: dict[str, str] = {}
    for given in class_names:
        name = given if isinstance(given, ClassName) else ClassName(folder_to_words(given))
        if "{superclass}" in template and not name.superclass:
            raise UserError(
                f"prompt {template!r} needs the superclass of {name.display!r}: give it in the "
                "file of class names"
            )
        words = {"target": name.display, "superclass": name.superclass}
        prompt = (_agreed(template, words) if agree else template).format(**words)
        shown = given if isinstance(given, str) else given.display
        if prompt in prompts:
            raise UserError(
                f"classes {prompts[prompt]!r} and {shown!r} get the same prompt, {prompt!r}: tell "
                "them apart in the file of class names"
            )
        prompts[prompt] = shown
    return list(prompts)


def check_template(template: str) -> None:
    """Refuse a template that cannot be filled, before anything is opened.

    Raises:
        UserError: It has no {target}, or a placeholder besides {target} and {superclass}.
    """
    try:
        found = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    except ValueError as error:
        raise UserError(f"prompt {template!r}: {error}") from error
    if found - PLACEHOLDERS:
        raise UserError(
            f"prompt {template!r}: its only placeholders are {{target}} and {{superclass}}"
        )
    if "target" not in found:
        raise UserError(f"prompt {template!r} has no {{target}}")


def _agreed(template: str, words: dict[str, str]) -> str:
    import inflect  # loads slowly, and only --agree needs it

    engine = inflect.engine()

    def choose(match: re.Match[str]) -> str:
        spoken = _DIGITS.sub(lambda digits: str(engine.number_to_words(digits[0])), words[match[3]])
        article = engine.a(spoken).split()[0]  # by sound: "an hour", "a unicorn", "an 8-ball"
        return f"{match[1]}{article[1:]}{match[2]}"

    return _ARTICLE.sub(choose, template)
