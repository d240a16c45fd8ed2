"""The r* cache: which noise ratio was found for an image and a target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from genie_transforms.format import atomic_path
from index.embed import EmbeddingIndex, Embeddings


def vote(ratios: Sequence[float]) -> tuple[float, float]:
    """Give the most frequent noise ratio, the smaller one of two, and its share in (0, 1]."""
    votes = Counter(ratios)
    chosen = min(votes, key=lambda ratio: (-votes[ratio], ratio))
    return chosen, votes[chosen] / len(ratios)


class RStarCache:
    """r* by (source digest, target), all found under one recipe and backbone.

    Args:
        scope: What the recipe and the backbone are (see `scope_of`). Caches of different scopes
            are never mixed.
    """

    def __init__(self, scope: str = "") -> None:
        self.scope = scope
        self._found: dict[str, dict[str, float]] = {}

    def __len__(self) -> int:
        return sum(len(found) for found in self._found.values())

    def record(self, digest: str, target: str | int, noise_ratio: float) -> None:
        """Keep one r*, instead of an older one.

        Args:
            digest: Content key of the source image.
            target: The target class. Prefer its name: numbers change when classes are added.
            noise_ratio: r*, in (0, 1].

        Raises:
            ValueError: The noise ratio is out of its range.
        """
        if not 0 < noise_ratio <= 1:
            raise ValueError(f"r* must lie in (0, 1], got {noise_ratio} for {digest} → {target}")
        self._found.setdefault(str(target), {})[digest] = float(noise_ratio)

    def get(self, digest: str, target: str | int) -> float | None:
        """Look r* up; None if it was not found before."""
        return self._found.get(str(target), {}).get(digest)

    def of_target(self, target: str | int) -> Mapping[str, float]:
        """Give r* of every image that was moved to a target, by digest."""
        return self._found.get(str(target), {})

    def merge(self, other: RStarCache) -> None:
        """Take over all that another cache knows; where both know, the other's.

        Raises:
            ValueError: The other was made under another recipe or backbone.
        """
        if other.scope != self.scope:
            raise ValueError(
                f"r* found under scope {other.scope[:12]!r} is not valid under "
                f"{self.scope[:12]!r}: recipe, model or backbone differ"
            )
        for target, found in other._found.items():
            self._found.setdefault(target, {}).update(found)

    def save(self, path: Path) -> None:
        """Write the cache as .npz, whole or not at all; the same cache gives the same arrays."""
        rows = sorted((t, d, r) for t, found in self._found.items() for d, r in found.items())
        targets, digests, ratios = zip(*rows, strict=True) if rows else ((), (), ())
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                scope=np.array(self.scope),
                targets=np.array(targets, dtype=np.str_),
                digests=np.array(digests, dtype=np.str_),
                noise_ratios=np.array(ratios, dtype=np.float64),
            )

    @classmethod
    def load(cls, path: Path, scope: str | None = None) -> RStarCache:
        """Read a cache.

        Args:
            path: What `save` wrote.
            scope: The scope that it must have; any if not given.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file has another scope.
        """
        if not path.exists():
            raise FileNotFoundError(f"no r* cache at {path}")
        with np.load(path, allow_pickle=False) as arrays:
            cache = cls(str(arrays["scope"]))
            columns = (arrays["digests"], arrays["targets"], arrays["noise_ratios"])
            for digest, target, ratio in zip(*(c.tolist() for c in columns), strict=True):
                cache.record(digest, target, ratio)
        if scope is not None and scope != cache.scope:
            raise ValueError(
                f"{path} holds r* of scope {cache.scope[:12]!r}, not {scope[:12]!r}: recipe, "
                "model or backbone differ"
            )
        return cache


def predict_r_star(
    index: EmbeddingIndex, known: RStarCache, embedding: Embeddings, target: str | int, k: int = 5
) -> tuple[float, float] | None:
    """Predict r* of an image from the nearest images that were moved to the same target.

    Args:
        index: Holds the embeddings of the images that vote.
        known: Their r*.
        embedding: Of the image, ``(D,)`` float32, unit norm.
        target: The target class, as it was recorded.
        k: Neighbours that vote.

    Returns:
        The r* that most of the k have (the smaller one if two have as many votes) and their share
        of the votes, in (0, 1]; None if no image of the index is known to have been moved to the
        target.

    Raises:
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    row_of = {digest: index.row_of_digest(digest) for digest in known.of_target(target)}
    digest_of = {row: digest for digest, row in row_of.items() if row is not None}
    found = sorted(digest_of)
    if not found:
        return None
    similarity = index.embeddings(found) @ np.asarray(embedding, dtype=np.float32)
    nearest = np.argsort(-similarity, kind="stable")[:k].tolist()
    return vote([known.of_target(target)[digest_of[found[place]]] for place in nearest])
