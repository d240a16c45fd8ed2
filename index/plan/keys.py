"""Names of pairs that stay the same while a data set grows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from .plan import Plan


def pair_key(digest: str, target: str, variation: int, prompt: str) -> str:
    """Return the name of a pair by what it is: 32 hexadecimal digits.

    Numbers of classes and rows of a data set change when images and classes are added; content
    keys and names do not.

    Args:
        digest: Content key of the source image.
        target: Name of the target class.
        variation: Number of the repetition of the same pair, from 0.
        prompt: The text that the negative is made with.
    """
    parts = (digest, target, str(variation), prompt)
    # Lengths go in front: ("ab", "c") and ("a", "bc") are different pairs.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def plan_keys(
    plan: Plan,
    digests: Sequence[str],
    class_names: Sequence[str],
    prompt: Callable[[int, int], str],
) -> list[str]:
    """Return the name of every pair of a plan, in its order (see `pair_key`).

    Args:
        plan: The pairs.
        digests: Content key of each source image.
        class_names: Names of the classes.
        prompt: Returns the prompt of a pair, by row of its image and class of its target.
    """
    columns = (plan.sources.tolist(), plan.targets.tolist(), plan.variations.tolist())
    return [
        pair_key(digests[source], class_names[target], variation, prompt(source, target))
        for source, target, variation in zip(*columns, strict=True)
    ]
