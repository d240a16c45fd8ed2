"""Describe a build: what may not change while it is continued, and what r* is valid for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.store import fixed_part

from .prepare import Prepared


@dataclass(frozen=True)
class Description:
    """A build in words that can be compared, as its folder keeps them in `build.json`.

    Attributes:
        content: Recipe, fingerprint and plan, ready for JSON.
        scope: SHA-256 of what decides each single row. Finished pairs and r* are shared among
            builds of one scope, whatever their plans.
    """

    content: dict[str, Any]
    scope: str

    def shared_pairs(self, cache: Path) -> Path:
        """Return the folder of a cache where builds of this scope keep finished pairs."""
        return cache / "pairs" / self.scope[:32]

    def shared_r_stars(self, cache: Path) -> Path:
        """Return the file of a cache where builds of this scope keep their r*."""
        return cache / "r-star" / f"{self.scope[:32]}.npz"


def describe(prepared: Prepared) -> Description:
    """Describe a build by its recipe, a fingerprint of its models and prompts, and its plan."""
    context, plan = prepared.context, prepared.plan
    pairs = np.stack([plan.sources, plan.targets, plan.variations]).astype("<i8").tobytes()
    # Centroids decide r*, so the plan is another one when any image is.
    images = json.dumps([context.index.digests, context.index.labels.tolist()]).encode()
    prompts = context.prompts if context.captions is None else context.captions
    learned = {"tokens_sha256": prepared.tokens} if prepared.tokens else {}
    content = {
        "recipe": context.config.recipe(),
        "fingerprint": {
            "model": {**context.family.fingerprint(), "model": context.config.model or "demo"},
            "backbone": context.backbone.fingerprint(),
            "prompts_sha256": hashlib.sha256("\n".join(prompts).encode()).hexdigest(),
            **learned,
            "seeds": "sha256(source digest, target, variation, base seed, attempt)",
            "preprocessing": "shorter side resized with antialiasing, centre cropped",
        },
        "plan": {"pairs": len(plan), "sha256": hashlib.sha256(images + pairs).hexdigest()},
    }
    return Description(content, scope_of(fixed_part(content)))


def scope_of(*descriptions: Mapping[str, Any]) -> str:
    """Hash what r* depends on besides image and target: recipe, model, backbone.

    Args:
        descriptions: Ready for JSON, such as a recipe and a backbone's fingerprint.

    Returns:
        64 hexadecimal digits, SHA-256.
    """
    text = json.dumps(descriptions, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
