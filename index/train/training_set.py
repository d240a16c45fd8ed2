"""The images, classes and prompts that a small pipeline learns from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TrainingSet:
    """Images with their classes and prompts.

    Attributes:
        pixels: ``(N, 3, R, R)`` uint8, R a multiple of 16.
        labels: ``(N,)`` int64, positions in `class_names`.
        class_names: Names that prompts use.
        captions: Further prompts, one for each image; none if empty.
        words: Further words that prompts may use.
    """

    pixels: Tensor
    labels: Tensor
    class_names: Sequence[str]
    captions: Sequence[str] = ()
    words: Sequence[str] = ()

    @property
    def prompts(self) -> list[str]:
        """Plain prompts of all images, then their captions, if any."""
        plain = [f"A photo of a {self.class_names[label]}" for label in self.labels.tolist()]
        return [*plain, *self.captions]

    @property
    def vocabulary(self) -> list[str]:
        """Every word of the prompts, in the order of their first use."""
        text = " ".join(["a photo of type", *self.words, *dict.fromkeys(self.prompts)]).lower()
        return list(dict.fromkeys([*re.findall("[a-z0-9]+", text), ".", ","]))
