"""Images of PIL as RGB, where that keeps what they show."""

from __future__ import annotations

from PIL import Image

from ._errors import UnsupportedSampleError


def rgb_image(image: Image.Image) -> Image.Image:
    """Return an image as RGB; itself if it is.

    Raises:
        UnsupportedSampleError: It has more than 8 bits.
    """
    check_depth(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def check_depth(image: Image.Image) -> None:
    """Refuse an image of more than 8 bits: `convert` does not scale its levels, but cuts them off.

    Raises:
        UnsupportedSampleError: It is one.
    """
    if image.mode.startswith("I") or image.mode == "F":
        raise UnsupportedSampleError(
            f"expected a PIL image of 8 bits, got mode {image.mode!r}: convert the image first; a "
            f'bank knows it as image.convert("RGB") makes it'
        )
