"""The prompts of a build: of each class, by templates or a file; or of each image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from genie_transforms import UserError
from index.config import BuildConfig
from index.diffusion import Family
from index.diffusion.inversion import find_tokens, load_tokens, token_of
from index.sources import (
    BadImageError,
    Source,
    ambiguous_names,
    as_rgb,
    class_names_for,
    class_prompts,
    is_wordnet_id,
    make_prompts,
    read_captions,
    read_prompts,
    write_captions,
)

logger = logging.getLogger("genie.build")


@dataclass(frozen=True)
class Prompts:
    """The prompts of a build.

    Attributes:
        prompts: Of each class one or several, of which each pair takes one.
        captions: Of each image instead, for cap2aug; None also while they are not yet written.
        tokens: The sha256 of the learned token of each target, by name of the class.
    """

    prompts: Sequence[tuple[str, ...]]
    captions: Sequence[str] | None = None
    tokens: dict[str, str] = field(default_factory=dict)


def make_build_prompts(config: BuildConfig, source: Source) -> Prompts:
    """Make the prompts of a build, as far as no model is needed.

    Raises:
        MissingFileError: A file is missing, or the token of a target.
        UserError: Names, prompts or captions that cannot be used, or a superclass is missing.
    """
    folders = source.class_names
    names = class_names_for(config.class_names, folders)
    for report in ambiguous_names(names):
        logger.warning("class names that the model may confuse: %s", report)
    numbers = [name.display for name in names if is_wordnet_id(name.display)]
    if all(name.display.isdecimal() for name in names):
        numbers = [name.display for name in names]
    if config.inversions is None and numbers:
        logger.warning(
            "classes are called %s … in prompts: --class-names FILE says what they show",
            numbers[:3],
        )
    if config.inversions is not None:
        tokens = find_tokens(config.inversions, _targets(config, folders))
        names = [
            replace(name, display=token_of(folder)) if folder in tokens else name
            for folder, name in zip(folders, names, strict=True)
        ]
    written = read_prompts(Path(config.prompts), folders) if config.prompts else {}
    # With a file, templates serve the classes that it lacks only if somebody asked for them.
    templates = config.prompt_templates if config.prompts else config.templates
    filled = [make_prompts(template, names, agree=config.agree) for template in templates]
    prompts = class_prompts(folders, filled, written, _targets(config, folders))
    return Prompts(prompts, _captions_so_far(config, source))


def _captions_so_far(config: BuildConfig, source: Source) -> list[str] | None:
    """Read the captions, unless there are none, or a captioner is still to write them."""
    path = Path(config.captions)
    if not config.captions:
        return None
    if not config.captioner or path.exists():
        return read_captions(path, source.ids, _is_bad(source))
    if path.suffix != ".json":
        raise UserError(f"a captioner writes a .json file, got {path}")
    return None


def complete_prompts(
    prompts: Prompts, config: BuildConfig, source: Source, family: Family
) -> Prompts:
    """Do what needs a model: write captions, load tokens, and measure the prompts.

    Args:
        prompts: What `make_build_prompts` made.
        config: The build.
        source: The source images.
        family: The diffusion model; learns the tokens of `config.inversions`.

    Raises:
        ModelError: The captioner cannot be opened, or the model takes no tokens of this width.
        UserError: A prompt is longer than the model reads.
    """
    if config.captions and prompts.captions is None:
        path = Path(config.captions)
        is_bad = _is_bad(source)
        good = [row for row in range(len(source)) if not is_bad(row)]
        images = (as_rgb(source.image(row)) for row in good)
        ids = [source.ids[row] for row in good]
        write_captions(path, config.captioner, ids, images, config.device)
        prompts = replace(prompts, captions=read_captions(path, source.ids, is_bad))
    if config.inversions is not None:
        targets = _targets(config, source.class_names)
        prompts = replace(prompts, tokens=load_tokens(family, config.inversions, targets))
    for texts in (prompts.captions or [], *prompts.prompts, [config.negative_prompt]):
        family.check_prompts(texts)
    return prompts


def _is_bad(source: Source) -> Callable[[int], bool]:
    """Return what tells of a row whether its image cannot be used; it is recorded later."""

    def is_bad(row: int) -> bool:
        try:
            source.image(row)
        except BadImageError:
            return True
        return False

    return is_bad


def _targets(config: BuildConfig, folders: Sequence[str]) -> list[str]:
    return [name for name in folders if name in config.only_classes or not config.only_classes]
