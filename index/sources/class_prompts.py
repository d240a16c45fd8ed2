"""Several prompts of a class: from templates, or as somebody, or a language model, wrote them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genie_transforms import MissingFileError, UserError

from .tables import read_text

logger = logging.getLogger("genie.build")

_SHOWN = 3


def read_prompts(path: Path, class_names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the prompts that a file has for each class, each on one line.

    Args:
        path: A .json file, `{"robin": ["A robin on a fence", "A photo of a robin in snow"]}`: whole
            prompts, not templates. It may mention other classes, which are warned of.
        class_names: Names of the classes, as the source and the bank call them.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is of another kind or shape, has a class or a prompt twice or an empty
            prompt, a prompt is a template, or none of the classes is in it.
    """
    if not path.is_file():
        raise MissingFileError(f"no prompts at {path}")
    try:  # as pairs, for a dict would swallow a class that is there twice
        pairs = json.loads(read_text(path), object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    prompts: dict[str, tuple[str, ...]] = {}
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        name, texts = _checked(path, pair)
        if name in prompts:
            raise UserError(f"{path} names the class {name!r} twice")
        prompts[name] = texts
    unknown = sorted(prompts.keys() - set(class_names))
    if len(unknown) == len(prompts):
        raise UserError(
            f"{path} names none of the classes; it has {unknown[:_SHOWN]}, the classes are "
            f"{list(class_names)[:_SHOWN]}"
        )
    if unknown:
        logger.warning(
            "%s has prompts for %d names that are no classes, such as %s",
            path, len(unknown), unknown[:_SHOWN],
        )  # fmt: skip
    return {name: prompts[name] for name in class_names if name in prompts}


def class_prompts(
    class_names: Sequence[str],
    templates: Sequence[Sequence[str]],
    written: Mapping[str, tuple[str, ...]],
    targets: Sequence[str],
) -> list[tuple[str, ...]]:
    """Return the prompts of each class: those written for it, or else its filled templates.

    Args:
        class_names: Names of the C classes.
        templates: What `make_prompts` made of each template, C prompts each; none if every target
            needs written ones.
        written: What `read_prompts` returned.
        targets: The classes that need a prompt.

    Returns:
        C tuples, empty for a class that needs no prompt and has none.

    Raises:
        UserError: A target has no prompt, or the same prompt comes twice.
    """
    prompts = [
        written.get(name) or tuple(filled[label] for filled in templates)
        for label, name in enumerate(class_names)
    ]
    wanted = set(targets)
    missing = [n for n, own in zip(class_names, prompts, strict=True) if n in wanted and not own]
    if missing:
        raise UserError(
            f"--prompts has no prompts for {len(missing)} of {len(wanted)} targets, such as "
            f"{missing[:_SHOWN]}: add them, or give --prompt-templates for them"
        )
    first: dict[str, str] = {}
    for name, own in zip(class_names, prompts, strict=True):
        for prompt in own:
            if prompt in first:
                raise UserError(
                    f"the prompt {prompt!r} comes twice, for {first[prompt]!r} and {name!r}"
                )
            first[prompt] = name
    return prompts


def _checked(path: Path, pair: Any) -> tuple[str, tuple[str, ...]]:
    match pair:
        case (str(name), list(texts)) if texts and all(isinstance(text, str) for text in texts):
            prompts = tuple(" ".join(text.split()) for text in texts)
        case _:
            expected = '{"class": ["prompt", "another prompt"], …}'
            raise UserError(f"{path}: expected {expected}, found {pair!r}")
    for prompt in prompts:
        if not prompt:
            raise UserError(f"{path}: a prompt of {name!r} is empty")
        if "{" in prompt or "}" in prompt:
            raise UserError(
                f"{path}: {prompt!r} of {name!r} looks like a template: write whole prompts here, "
                "and templates in --prompt-templates"
            )
    return name, prompts
