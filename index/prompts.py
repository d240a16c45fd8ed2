"""Prompts from class names."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def make_prompts(template: str, class_names: Sequence[str]) -> list[str]:
    """Fill the template for each class; underscores in folder names become spaces.

    Args:
        template: Text with {target}.
        class_names: Names of the classes.

    Raises:
        ValueError: The template has another placeholder, or two classes get the same prompt.
    """
    prompts: dict[str, str] = {}
    for name in class_names:
        try:
            prompt = template.format(target=name.replace("_", " "))
        except (KeyError, IndexError) as error:
            raise ValueError(f"prompt {template!r}: {{target}} is its only placeholder") from error
        if prompt in prompts:
            raise ValueError(
                f"classes {prompts[prompt]!r} and {name!r} get the same prompt, {prompt!r}"
            )
        prompts[prompt] = name
    return list(prompts)


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
