"""A generated image in the layout of other code, as all readers of layouts return it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ForeignImage:
    """A generated image in a folder that other code wrote.

    Attributes:
        path: Its file.
        target: Class of the prompt, and of the image.
        source: Class of the image that it was made from.
        source_path: That image's file; None if the layout does not tell.
        noise_ratio: r in [0, 1].
        method: "genie", "img2img", "txt2img" or "diff-mix".
        prompt: The prompt; empty if the layout does not tell.
    """

    path: Path
    target: str
    source: str
    source_path: Path | None
    noise_ratio: float
    method: str
    prompt: str = ""
