"""What is considered for a pair, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from index.embed import Embeddings

from .generation import Generated


@dataclass(frozen=True)
class Candidates:
    """A pair at one or several noise ratios, and which of them Algorithm 1 chooses.

    Attributes:
        noise_ratios: R noise ratios, increasing.
        generated: Their images, ``(R, 3, H, W)`` uint8, and their seed.
        embeddings: Of the images, ``(R, D)`` float32, unit norm.
        projections: On the line from source to target, ``(R,)`` float64.
        chosen: Position of r* among the noise ratios.
    """

    noise_ratios: tuple[float, ...]
    generated: Generated
    embeddings: Embeddings
    projections: npt.NDArray[np.float64]
    chosen: int

    @property
    def noise_ratio(self) -> float:
        """r*."""
        return self.noise_ratios[self.chosen]


@dataclass(frozen=True)
class Negative:
    """A hard negative: X_{r*} in full, and what r* was chosen from.

    Attributes:
        considered: What r* was chosen from: the sweep, its preview, or X_{r*} alone.
        noise_ratio: r*.
        image: X_{r*}, ``(3, H, W)`` uint8.
        embedding: Of the image, ``(D,)`` float32, unit norm.
        seed: Of the image's noise.
    """

    considered: Candidates
    noise_ratio: float
    image: Tensor
    embedding: Embeddings
    seed: int

    @classmethod
    def choose(cls, full: Candidates, considered: Candidates | None = None) -> Negative:
        """Take X_{r*} out of images that were generated in full.

        Args:
            full: Images of all solver steps, X_{r*} among them as the chosen one.
            considered: What r* was chosen from, if it was not `full`.
        """
        return cls(
            considered=full if considered is None else considered,
            noise_ratio=full.noise_ratio,
            image=full.generated.images[full.chosen],
            embedding=full.embeddings[full.chosen],
            # Not the seed of a preview: the image may have needed another attempt.
            seed=full.generated.seed,
        )
