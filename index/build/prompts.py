"""What the model is told of a pair: its class's name, a learned token, or the image's caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from index.config import BuildConfig
from index.diffusion import Family
from index.diffusion.inversion import load_tokens, token_of
from index.sources import (
    Source,
    check_prompts,
    class_names_for,
    make_prompts,
    read_captions,
    write_captions,
)


@dataclass(frozen=True)
class Prompts:
    """The prompts of a build.

    Attributes:
        prompts: Of each class.
        captions: Of each image instead, for cap2aug.
        tokens: The sha256 of the learned token of each target, by name of the class.
    """

    prompts: Sequence[str]
    captions: Sequence[str] | None = None
    tokens: dict[str, str] = field(default_factory=dict)


def make_build_prompts(config: BuildConfig, family: Family, source: Source) -> Prompts:
    """Make the prompts of a build; with `inversions`, teach the model the targets' tokens.

    Raises:
        FileNotFoundError: A file is missing, or the token of a target.
        ValueError: Names, captions or tokens that cannot be used.
    """
    captions = None
    if config.captions:
        path = Path(config.captions)
        if config.captioner and not path.exists():
            pictures = (source.image(row) for row in range(len(source)))
            write_captions(path, config.captioner, source.ids, pictures, config.device)
        captions = read_captions(path, source.ids)
        check_prompts(captions, family.num_tokens, family.max_tokens)
    folders = source.class_names
    names = class_names_for(config.class_names, folders)
    tokens: dict[str, str] = {}
    if config.inversions is not None:
        targets = [
            name for name in folders if name in config.only_classes or not config.only_classes
        ]
        tokens = load_tokens(family, config.inversions, targets)
        names = [
            replace(name, display=token_of(folder)) if folder in tokens else name
            for folder, name in zip(folders, names, strict=True)
        ]
    prompts = make_prompts(config.prompt, names, agree=config.agree)
    check_prompts(prompts, family.num_tokens, family.max_tokens)
    return Prompts(prompts, captions, tokens)
