"""Which generated images are nearly the same as a real one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.embed import DUPLICATE_SIMILARITY, Embeddings, nearest


@dataclass(frozen=True)
class Copy:
    """A generated image that is nearly the same as a real one.

    Attributes:
        row: Of the bank, among those that the filter kept.
        real: Name of the real image.
        similarity: Their cosine.
    """

    row: int
    real: str
    similarity: float


def near_duplicates(
    real: Embeddings,
    generated: Embeddings,
    rows: Sequence[int],
    names: Sequence[str],
    similarity: float = DUPLICATE_SIMILARITY,
) -> list[Copy]:
    """Return the generated images that have a real one at least so similar, the nearest first.

    Args:
        real: ``(N, D)`` float32, unit norm.
        generated: ``(M, D)`` float32, unit norm.
        rows: Of each generated image, M.
        names: Of each real image, N.
        similarity: From this cosine on, two images are nearly the same.
    """
    places, cosines = nearest(real, generated, 1)
    found = [
        Copy(row, str(names[place]), round(cosine, 4))
        for row, place, cosine in zip(
            rows, places[:, 0].tolist(), cosines[:, 0].tolist(), strict=True
        )
        if cosine >= similarity
    ]
    return sorted(found, key=lambda copy: (-copy.similarity, copy.row))
