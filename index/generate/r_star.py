"""The r* cache: which noise ratio was found for an image and a target."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from genie_transforms import MissingFileError, UserError
from genie_transforms.format import atomic_path


def prompted(target: str, prompt: str) -> str:
    """Name a target with the prompt that shows it, as r* are recorded: other prompts have others.

    Args:
        target: Name of the target class.
        prompt: What the negative is made with.
    """
    return f"{target}\n{prompt}"


class RStarCache:
    """r* by (source digest, target with its prompt), all found under one recipe and backbone.

    Images and classes are known by content key and name, not by number: numbers change when a
    data set grows, and r* does not.

    Args:
        scope: What the recipe and the backbone are (see `scope_of`). Caches of different scopes
            are never mixed.

    Example:
        >>> cache = RStarCache("recipe and backbone")
        >>> cache.record("0f3a", "fox", 0.7)
        >>> cache.get("0f3a", "fox")
        0.7
    """

    def __init__(self, scope: str = "") -> None:
        self.scope = scope
        # By target first: whoever predicts r* asks for all images that were moved to one target.
        self._found: dict[str, dict[str, float]] = {}

    def __len__(self) -> int:
        return sum(len(found) for found in self._found.values())

    def record(self, digest: str, target: str | int, noise_ratio: float) -> None:
        """Keep one r* to six decimals, instead of an older one.

        Args:
            digest: Content key of the source image.
            target: The target class, as `prompted` names it; numbers change when classes are
                added.
            noise_ratio: r*, in (0, 1].

        Raises:
            ValueError: The noise ratio is outside its range.
        """
        if not 0 < noise_ratio <= 1:
            raise ValueError(f"r* must lie in (0, 1], got {noise_ratio} for {digest} → {target}")
        # A bank stores r* in single precision. Rounded, one that was read from a bank and one that
        # was just found are the same number, and count as the same vote.
        self._found.setdefault(str(target), {})[digest] = round(float(noise_ratio), 6)

    def get(self, digest: str, target: str | int) -> float | None:
        """Return the r* of an image and a target; None if it was not found before."""
        return self._found.get(str(target), {}).get(digest)

    def of_target(self, target: str | int) -> Mapping[str, float]:
        """Return r* of every image that was moved to a target, by digest."""
        return self._found.get(str(target), {})

    def digest(self) -> str:
        """Return the SHA-256 of what is known, 64 hexadecimal digits."""
        text = json.dumps([self.scope, self._found], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

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
        """Write the cache as .npz, whole or not at all; the same cache gives the same bytes."""
        # Sorted, since the order of recording depends on which pairs a build had to make.
        rows = sorted((t, d, r) for t, found in self._found.items() for d, r in found.items())
        targets, digests, ratios = zip(*rows, strict=True) if rows else ((), (), ())
        # As an open file: given a name, NumPy appends .npz to the temporary one.
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
            MissingFileError: There is no such file.
            UserError: The file has another scope, or is damaged.
        """
        if not path.exists():
            raise MissingFileError(f"no r* cache at {path}: a finished build writes one")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                cache = cls(str(arrays["scope"]))
                columns = [arrays[name].tolist() for name in ("digests", "targets", "noise_ratios")]
        except (BadZipFile, EOFError, KeyError, ValueError, zlib.error) as error:
            raise UserError(f"{path} is not an r* cache ({error}): remove it") from error
        # Before anything is used: r* of another recipe would be wrong without looking wrong.
        if scope is not None and scope != cache.scope:
            raise UserError(
                f"{path} holds r* of scope {cache.scope[:12]!r}, not {scope[:12]!r}: recipe, "
                "model or backbone differ"
            )
        for digest, target, ratio in zip(*columns, strict=True):
            cache.record(digest, target, ratio)
        return cache
