"""Learn a token for each class by textual inversion: `python -m index.invert`.

The tokens are for `python -m index.build --inversions`, and for diffusers' own
`load_textual_inversion`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import tyro

from genie_transforms import GeNIeError
from index.demo import PIPELINE
from index.diffusion import load_family
from index.diffusion.inversion import Concept, Inversion, invert
from index.sources import class_names_for, fit_to, open_source

logger = logging.getLogger("genie.invert")


@dataclass(frozen=True, kw_only=True)
class InvertConfig(Inversion):
    """Learn a token for each class.

    Attributes:
        out: Folder that receives `<class>.safetensors`. Restarting continues.
        source: Folder of images, one folder a class; empty for the demo's scenes.
        model: A diffusers folder or hub id; empty for the demo's pipeline.
        revision: Revision of a hub model.
        variant: Weight variant of the model, such as fp16.
        dtype: Precision of the network; the tokens are learned in float32.
        device: Where the networks run: cpu, cuda, cuda:1, …
        lora: Folder, file or hub id of LoRA weights.
        initializer: Words that every token begins as; each class's own name if empty.
        class_names: File of display names, json or csv; folder names if empty.
        only_classes: Classes, by folder; all if empty.
        max_images: Use at most this many images of a class, the first ones; 0 for all.
        resolution: Side of the square image given to the model, in pixels; 0 for the model's own.
    """

    out: Path = Path("genie-inversions")
    source: str = ""
    model: str = ""
    revision: str | None = None
    variant: str | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    lora: str | None = None
    initializer: str = ""
    class_names: str = ""
    only_classes: tuple[str, ...] = ()
    max_images: int = 0
    resolution: int = 0


def learn_classes(config: InvertConfig) -> list[Path]:
    """Learn the tokens that `config` describes, or continue.

    Returns:
        The file of each class.

    Raises:
        FileExistsError: The folder holds a token that was learned from something else.
        FileNotFoundError: Source or model are missing.
        ModelError: The model takes no tokens.
        ValueError: A setting is out of its range.
    """
    source = open_source(config.source)
    folders = source.class_names
    unknown = sorted(set(config.only_classes) - set(folders))
    if unknown:
        raise ValueError(f"only_classes {unknown} are none of the classes, {folders[:10]} …")
    if config.max_images < 0:
        raise ValueError(f"max_images must not be negative, got {config.max_images}")
    names = class_names_for(config.class_names, folders)
    family = load_family(
        config.model or str(PIPELINE),
        revision=config.revision,
        variant=config.variant,
        dtype=config.dtype,
        device=config.device,
        lora=config.lora,
    )
    side = config.resolution or family.resolution
    family.latent_shape(torch.zeros(1, 3, side, side, dtype=torch.uint8))
    concepts = []
    for label, folder in enumerate(folders):
        if config.only_classes and folder not in config.only_classes:
            continue
        rows = (source.labels == label).nonzero()[0].tolist()[: config.max_images or None]
        images = torch.stack([fit_to(source.image(row), side) for row in rows])
        concepts.append(Concept(folder, images, config.initializer or names[label].display))
    paths = invert(family, concepts, config, config.out)
    logger.info("%d tokens in %s, after %d steps", len(paths), config.out, config.iterations)
    return paths


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake ends with one line and exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = tyro.cli(InvertConfig, prog="python -m index.invert", args=arguments)
        learn_classes(config)
    except (GeNIeError, ValueError, OSError) as error:
        logger.error("error: %s", error)
        sys.exit(2)


if __name__ == "__main__":
    main()
