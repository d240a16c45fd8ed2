"""What the demo leaves beside its bank: the images that it was made from, ready to train with."""

from __future__ import annotations

import os
from pathlib import Path

from genie_transforms.format import new_folder
from index.config import BuildConfig
from index.sources import Source, open_source

FOLDER = "demo-images"


def leave_images(config: BuildConfig) -> str:
    """Write the demo's images as an ImageFolder beside its bank, unless they are there.

    Args:
        config: A finished build of the demo.

    Returns:
        Where they are and what to run next, two lines of text.
    """
    folder = Path(os.path.relpath(config.folder.resolve().parent / FOLDER))
    where = f"{folder}, one folder a class: what the bank was made from"
    if not _write(folder, open_source(config.source)):
        where = f"not written: {folder} holds something else"
    command = "python -m index.demo.classify"
    if config.out != BuildConfig.out:
        command += f" --bank {config.folder} --images {folder}"
    return f"images       {where}\nnext         {command}: train with and without the bank"


def _write(folder: Path, source: Source) -> bool:
    """Write the images, unless they are there; False if the folder holds something else."""
    names, labels = source.class_names, source.labels
    paths = [
        Path(names[label], f"{number:0>6}.png")
        for number, label in zip(source.ids, labels, strict=True)
    ]
    if folder.exists() and any(folder.iterdir()):
        return all((folder / path).is_file() for path in paths)
    with new_folder(folder) as temporary:
        for row, path in enumerate(paths):
            (temporary / path).parent.mkdir(exist_ok=True)
            source.image(row).save(temporary / path)
    return True
