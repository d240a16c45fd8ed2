"""Read the layout that the GeNIe authors' `genie.py` writes for one episode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from torchvision.datasets import ImageFolder

from genie_transforms import MissingFileError, UserError

from .foreign_image import ForeignImage

_FILE = re.compile(r"(\d+)_?(genie|img2img|txt2img)(\d*)\.(?:jpg|jpeg|png)")


_FOLDER = re.compile(r"_noise(\d*\.?\d+)$")


_LENGTH_OF_WORDNET_PREFIX = 10  # "n01532829_" before the name of a class


def read_authors(
    folder: Path, sources: Path, noise_ratio: float | None = None
) -> tuple[list[ForeignImage], list[str]]:
    """Read a folder that the authors' `genie.py` wrote for one episode.

    Such as `dataset7/train_genie_noise0.8/n01532829_finch/3_genie.jpg`, beside the episode's
    images in `dataset7/train/n01532829_finch/`. The number is the source's place among the
    images of all other classes, in `ImageFolder`'s order; with `img2img` and `txt2img`, among
    those of the class itself.

    Args:
        folder: The generated images, one folder a class.
        sources: The images that they were made from, one folder a class.
        noise_ratio: r, where the folder's name does not end in `_noise0.8`, as with `txt2img`.

    Returns:
        The images in the order of their paths, and the class names.

    Raises:
        MissingFileError: One of the folders is missing, or holds no images.
        UserError: A file's name or number does not fit, or the noise ratio is not known.
    """
    try:
        episode = ImageFolder(str(sources))
    except FileNotFoundError as error:
        raise MissingFileError(
            f"{sources} does not hold the episode's images, one folder a class: {error}"
        ) from error
    ratio = _noise_ratio(folder) if noise_ratio is None else noise_ratio
    images = [
        image
        for label in range(len(episode.classes))
        for image in _images_of_class(folder, label, episode, ratio)
    ]
    return images, episode.classes


def _noise_ratio(folder: Path) -> float:
    """Read r from the name of the folder."""
    found = _FOLDER.search(folder.name)
    if found is None:
        raise UserError(
            f"the name {folder.name!r} does not end in _noise and a number: give --noise-ratio. "
            f"(The released script makes its txt2img images with 0.8, from images of the class.)"
        )
    return float(found[1])


def _images_of_class(
    folder: Path, label: int, episode: ImageFolder, noise_ratio: float
) -> Iterator[ForeignImage]:
    """Yield the generated images of one target class, each with its source."""
    target = episode.classes[label]
    last: dict[bool, int] = {}
    for path in _files(folder / target):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise UserError(f"{path} is not named like 3_genie.jpg: is this genie.py's output?")
        number, method = int(match[1]), match[2]
        # Only `genie` takes its sources from other classes, and counts them without its own.
        same_class = method != "genie"
        candidates = [sample for sample in episode.samples if (sample[1] == label) == same_class]
        last[same_class] = max(number, last.get(same_class, 0))
        if number >= len(candidates):
            raise UserError(
                f"{path} says source {number}, but {episode.root} has {len(candidates)} such "
                f"images: are these the images that it was made from?"
            )
        source_path, source_label = candidates[number]
        yield ForeignImage(
            path=path,
            target=target,
            source=episode.classes[source_label],
            source_path=Path(source_path),
            noise_ratio=noise_ratio,
            method=method,
            prompt=f"a photo of a {target[_LENGTH_OF_WORDNET_PREFIX:]}.",
        )
    # Of more images, the same numbers would mean others: genie.py goes through all that there are.
    for same_class, number in last.items():
        count = sum((sample[1] == label) == same_class for sample in episode.samples)
        if number + 1 < count:
            raise UserError(
                f"the numbers in {folder / target} end at {number}, but {episode.root} has {count} "
                "images for it: give the images that it was made from, and no more"
            )


def _files(folder: Path) -> list[Path]:
    """List the files of a folder, sorted."""
    if not folder.is_dir():
        raise MissingFileError(f"{folder} is missing: every class of the sources needs a folder")
    return sorted(path for path in folder.iterdir() if path.is_file())
