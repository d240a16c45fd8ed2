"""Finished pairs kept for later builds: their rows, and the embeddings of their sweeps.

A store is a folder of finished shards, each with the embeddings that its r* were chosen from.
Files are named by what they hold and never changed, so that many builds may add to a store at
once; where the file system allows it they are hard links and cost nothing. A bank sets its own
shards aside in such a store when its plan grows, and `--cache` shares one between banks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from .plan import Plan


def pair_key(digest: str, target: str, variation: int, prompt: str) -> str:
    """Name a pair by what it is: 32 hexadecimal digits.

    Numbers of classes and places in a data set change when images and classes are added; content
    keys and names do not.

    Args:
        digest: Content key of the source image.
        target: Name of the target class.
        variation: Number of the repetition, from 0.
        prompt: What the model is told.
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
    """Name every pair of a plan (see `pair_key`).

    Args:
        plan: The pairs.
        digests: Content key of each source image.
        class_names: Names of the classes.
        prompt: Gives the prompt of a pair, by row of its image and class of its target.
    """
    columns = (plan.sources.tolist(), plan.targets.tolist(), plan.variations.tolist())
    return [
        pair_key(digests[source], class_names[target], variation, prompt(source, target))
        for source, target, variation in zip(*columns, strict=True)
    ]
