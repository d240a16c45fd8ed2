"""Read hard negatives that other code wrote: the layouts of GeNIe's authors and of Diff-Mix."""

from __future__ import annotations

import re
from pathlib import Path

from torchvision.datasets import ImageFolder

from .negative import Negative

_AUTHORS_FILE = re.compile(r"(\d+)_?(genie|img2img|txt2img)(\d*)\.(?:jpg|jpeg|png)")


_AUTHORS_FOLDER = re.compile(r"_noise(\d*\.?\d+)$")


_LENGTH_OF_WORDNET_PREFIX = 10  # "n01532829_" before the name of a class


def read_authors(
    folder: Path, sources: Path, noise_ratio: float | None = None
) -> tuple[list[Negative], list[str]]:
    """Read a folder that the authors' `genie.py` wrote for one episode.

    Such as `dataset7/train_genie_noise0.8/n01532829_finch/3_genie.jpg`, beside the episode's
    pictures in `dataset7/train/n01532829_finch/`. The number is the source's place among the
    pictures of all other classes, in `ImageFolder`'s order; with `img2img` and `txt2img`, among
    those of the class itself.

    Args:
        folder: The generated images, one folder a class.
        sources: The pictures that they were made from, one folder a class.
        noise_ratio: r, where the folder's name does not end in `_noise0.8`, as with `txt2img`.

    Returns:
        The negatives in the order of their paths, and the class names.

    Raises:
        FileNotFoundError: One of the folders is not there, or holds no images.
        ValueError: A file's name or number does not fit, or the noise ratio is not known.
    """
    samples = ImageFolder(str(sources))
    found = _AUTHORS_FOLDER.search(folder.name)
    ratio = float(found[1]) if noise_ratio is None and found else noise_ratio
    if ratio is None:
        raise ValueError(
            f"the name {folder.name!r} does not end in _noise and a number: give --noise-ratio. "
            f"(The released script makes its txt2img images with 0.8, from pictures of the class.)"
        )
    negatives = []
    for label, target in enumerate(samples.classes):
        prompt = f"a photo of a {target[_LENGTH_OF_WORDNET_PREFIX:]}."
        for path in _files(folder / target):
            match = _AUTHORS_FILE.fullmatch(path.name)
            if match is None:
                raise ValueError(
                    f"{path} is not named like 3_genie.jpg: is this genie.py's output?"
                )
            own = match[2] != "genie"
            others = [sample for sample in samples.samples if (sample[1] == label) == own]
            if int(match[1]) >= len(others):
                raise ValueError(
                    f"{path} says source {match[1]}, but {sources} has {len(others)} such "
                    f"pictures: are these the pictures that it was made from?"
                )
            source_path, source = others[int(match[1])]
            negatives.append(
                Negative(
                    path,
                    target,
                    samples.classes[source],
                    Path(source_path),
                    ratio,
                    match[2],
                    prompt,
                )
            )
    return negatives, samples.classes


def _files(folder: Path) -> list[Path]:
    """List the files of a folder, sorted."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there: every class of the sources needs a folder")
    return sorted(path for path in folder.iterdir() if path.is_file())
