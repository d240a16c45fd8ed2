"""Reading one image: named formats only, within a budget, and with the reason if it cannot be."""

from __future__ import annotations

import errno
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import EpsImagePlugin, Image, UnidentifiedImageError

from genie_transforms import GeNIeError, StorageError, UserError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF")
"""What files may hold, whatever their names end with: for PostScript, Pillow runs a program."""

MOST_PIXELS = 89_478_485
"""Of one image, a quarter of a GB in RGB, and several times that while it is resized. Beyond it,
Pillow warns of a bomb."""

MOST_ELONGATED = 100
"""How often the longer side may hold the shorter one, which is what is resized to the model's."""

_OF_THE_FILE = (
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR),
    *(errno.ENOTDIR, errno.ENXIO, errno.EINVAL),
)
"""What the system says about one file; anything else is said about the disk or the process."""


class BadImageError(UserError):
    """An image of a source cannot be used.

    Args:
        name: Of the image in its source.
        reason: Why, in a few words.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)  # both, so that it can be sent between processes
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        """Say which image it is, and why."""
        return f"{self.name} cannot be used: {self.reason}"


def read_image(path: str) -> Image.Image:
    """Read an image file as `Image.open(path).convert("RGB")` does, which is how training reads it.

    Grey images of more than 8 bits stay what they are, for `as_rgb` to scale.

    Raises:
        OSError: There is no such file, or it cannot be read or decoded.
        ValueError: It is no regular file.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise ValueError("it is no regular file, but a pipe, a device or the like")
    with open(path, "rb") as file:
        return decode(file)


def decode(file: IO[bytes]) -> Image.Image:
    """Decode an image of one of `FORMATS`, as `read_image` does.

    Raises:
        ValueError: It is too large. Pillow raises this and much else for damaged files.
    """
    with warnings.catch_warnings():  # of what is damaged or large, and is said by whoever asks
        warnings.simplefilter("ignore")
        image = Image.open(file, formats=FORMATS)
        check_image(image)
    return image if _is_deep(image) else image.convert("RGB")


def check_image(image: object) -> None:
    """Decode an image, and refuse one that cannot be used.

    Args:
        image: A PIL image, decoded or not.

    Raises:
        ValueError: It is none, too large, too long, empty, or training would see one colour.
    """
    if not isinstance(image, Image.Image):
        raise ValueError(f"it must be a PIL image, got {type(image).__name__}")
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ValueError(f"{width} x {height} pixels are more than {MOST_PIXELS:,}: scale it down")
    if not 0 < max(width, height) <= MOST_ELONGATED * min(width, height):
        raise ValueError(f"{width} x {height} pixels: a side is {MOST_ELONGATED} times the other")
    image.load()
    image.crop((0, 0, 1, 1)).convert("RGB")  # a few modes have no way there
    if _is_deep(image):
        _check_deep(image)


def why_bad(error: Exception, name: str) -> str:
    """Return in words why an image cannot be used.

    Args:
        error: What reading it raised.
        name: Of the image.

    Raises:
        StorageError: The error is not of this image: the disk fails, or the process has too many
            files open. Another time the image may be good.
    """
    if isinstance(error, GeNIeError | MemoryError):
        raise error
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        if error.errno not in _OF_THE_FILE:
            raise StorageError(f"{name} cannot be read: {error}") from error
        return str(error.strerror)
    if isinstance(error, UnidentifiedImageError):  # whose text has an address or a whole path
        return f"its content is none of {', '.join(FORMATS)}"
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"


@contextmanager
def no_ghostscript() -> Iterator[None]:
    """Keep Pillow from running Ghostscript, whoever calls it here."""
    before = EpsImagePlugin.gs_binary
    EpsImagePlugin.gs_binary = False
    try:
        yield
    finally:
        EpsImagePlugin.gs_binary = before


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _check_deep(image: Image.Image) -> None:
    """Refuse what training reads as one colour: Pillow cuts levels off at 0 and 255."""
    levels = np.asarray(image, dtype=np.float64)
    if not np.isfinite(levels).all():
        raise ValueError("it has pixels that are not finite")
    seen = levels.clip(0, 255)
    in_unit_range = image.mode == "F" and levels.max() <= 1
    if levels.min() != levels.max() and (in_unit_range or seen.min() == seen.max()):
        raise ValueError(
            f"its levels from {levels.min():g} to {levels.max():g} are one colour to training, "
            'which reads it by convert("RGB"): store it with 8 bits'
        )
