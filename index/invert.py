"""Learn a token for each class by textual inversion: `python -m index.invert`.

The tokens are for `python -m index.build --inversions`, and for diffusers' own
`load_textual_inversion`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from genie_transforms import UserError
from index.command import run_command
from index.config import SIDES, check_only_classes
from index.diffusion import WeightsConfig
from index.diffusion.inversion import Inversion
from index.kinds import check_range

if TYPE_CHECKING:
    from PIL import Image

    from index.sources import Source

logger = logging.getLogger("genie.invert")


@dataclass(frozen=True, kw_only=True)
class InvertConfig(WeightsConfig, Inversion):
    """Learn a token for each class.

    Attributes:
        out: Folder that receives `<class>.safetensors`. Restarting continues.
        source: Images, as `python -m index.build --source` takes them.
        image_root: Folder of the images of a list, if it is not the list's own.
        dtype: Precision of the network; the tokens are learned in float32.
        initializer: Words that every token begins as; each class's own name if empty.
        class_names: File of display names, json or csv; folder names if empty.
        only_classes: Classes, by folder; all if empty.
        max_images: Use at most this many images of a class, the first ones; 0 for all.
        resolution: Side of the square image given to the model, in pixels; 0 for the model's own.
    """

    out: Path = Path("genie-inversions")
    source: str = ""
    image_root: str = ""
    dtype: Literal["float32", "bfloat16"] = "float32"
    initializer: str = ""
    class_names: str = ""
    only_classes: tuple[str, ...] = ()
    max_images: int = 0
    resolution: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, ["max_images"], 0)
        if self.resolution:
            check_range(self, ["resolution"], *SIDES, hint="or 0")


def learn_classes(config: InvertConfig) -> list[Path]:
    """Learn the tokens that `config` describes, or continue.

    Returns:
        The file of each class.

    Raises:
        FolderInUseError: The folder holds a token that was learned from something else.
        MissingFileError: The source or the file of class names is missing.
        ModelError: The model cannot be opened, or takes no tokens.
        UserError: A setting cannot be used, alone or with these images.
    """
    # All of these take seconds to import, which --help should not.
    import torch

    from index.demo import PIPELINE
    from index.diffusion.inversion import Concept, invert
    from index.sources import class_names_for, fit_to, open_source

    source = open_source(config.source, config.image_root)
    folders = source.class_names
    check_only_classes(config.only_classes, folders)
    names = class_names_for(config.class_names, folders)
    family = config.open_family(PIPELINE)
    side = config.resolution or family.resolution
    try:
        family.latent_shape(torch.zeros(1, 3, side, side, dtype=torch.uint8))
    except ValueError as error:
        raise UserError(f"resolution {side}: {error}") from error
    concepts = []
    for label, folder in enumerate(folders):
        if config.only_classes and folder not in config.only_classes:
            continue
        images = [fit_to(image, side) for image in _images_of(source, label, config.max_images)]
        if not images:
            logger.warning("%s has no image, so no token is learned for it", folder)
            continue
        concepts.append(
            Concept(folder, torch.stack(images), config.initializer or names[label].display)
        )
    paths = invert(family, concepts, config, config.out)
    logger.info("%d tokens in %s, after %d steps", len(paths), config.out, config.iterations)
    return paths


def _images_of(source: Source, label: int, most: int) -> Iterator[Image.Image]:
    """Yield the first images of a class that can be used, all if `most` is 0."""
    count = 0
    for row in (source.labels == label).nonzero()[0].tolist():
        if most and count == most:
            return
        try:
            image = source.image(row)
        except UserError as error:  # a `BadImageError`, whose room is heavy to import
            logger.warning("left out: %s", error)
            continue
        count += 1
        yield image


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(learn_classes, InvertConfig, "index.invert", arguments)


if __name__ == "__main__":
    main()
