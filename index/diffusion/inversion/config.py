"""The settings of textual inversion; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass

from genie_transforms import UserError
from index.kinds import check_kinds, check_range


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """How tokens are learned.

    Attributes:
        iterations: Optimiser steps (GeNIe, section 4: 5000).
        learning_rate: Of AdamW, constant; 5e-3 as Gal et al.
        images_per_step: Images of a concept in each step, drawn with replacement.
        prompt: Template with {target}, where the token goes.
        seed: Base seed; each concept's seed is derived from it and from the concept's images.
        batch_size: Rows of one network call at most; does not change the result, up to rounding.
        checkpoint_every: Steps between checkpoints.
    """

    iterations: int = 5000
    learning_rate: float = 5e-3
    images_per_step: int = 1
    prompt: str = "A photo of a {target}"
    seed: int = 0
    batch_size: int = 16
    checkpoint_every: int = 250

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["iterations", "images_per_step", "batch_size", "checkpoint_every"], 1)
        check_range(self, ["seed"], 0)
        if self.learning_rate <= 0:
            raise UserError(f"learning_rate must be positive, got {self.learning_rate}")
        if "{target}" not in self.prompt:
            raise UserError(f"prompt has no {{target}}: {self.prompt!r}")
        if self.batch_size < self.images_per_step:
            raise UserError(
                f"batch_size {self.batch_size} holds no step of images_per_step "
                f"{self.images_per_step}"
            )
