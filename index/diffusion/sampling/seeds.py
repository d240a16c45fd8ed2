"""Seeds, derived from content, and the noise that is drawn from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def pair_seed(
    source_digest: str, target: str, variation: int, base_seed: int, attempt: int = 0
) -> int:
    """Derive the seed of one (source, target) pair from its content.

    The seed depends on nothing but its arguments, so a pair gets the same noise in any batch, shard
    or machine.

    Args:
        source_digest: Content key of the source's pixels.
        target: Name of the target class.
        variation: Which of several negatives of the same pair, from 0.
        base_seed: Seed of the whole build.
        attempt: Retry after a bad output, from 0.

    Returns:
        A seed in [0, 2^63).
    """
    return _hashed([source_digest, target, variation, base_seed, attempt])


def derived_seed(seed: int, *labels: int | str) -> int:
    """Derive a seed for a named purpose from a pair's seed, in [0, 2^63)."""
    return _hashed([seed, *labels])


def _hashed(parts: Sequence[int | str]) -> int:
    # Lengths go in front: ("ab", "c") and ("a", "bc") are different pairs. And not `hash()`, which
    # differs between processes.
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    # 63 bits: seeds are stored in int64 columns.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def gaussian(shape: Sequence[int], seed: int) -> Tensor:
    """Draw standard normal noise of `shape`, float32, on the CPU."""
    # Generators of other devices draw other numbers, and a bank must not depend on who built it.
    return torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(seed))
