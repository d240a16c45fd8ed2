"""All that is decided before a build runs: settings, embeddings, pairs, and their description."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from index.config import BuildConfig
from index.diffusion import Family
from index.embed import Backbone, EmbeddingIndex
from index.plan import Plan

from .prompts import Prompts


def describe(
    config: BuildConfig,
    family: Family,
    backbone: Backbone,
    words: Prompts,
    plan: Plan,
    index: EmbeddingIndex,
) -> dict[str, Any]:
    """Give recipe, fingerprint and plan, ready for JSON: what a build may not change midway."""
    pairs = np.stack([plan.sources, plan.targets, plan.variations]).astype("<i8").tobytes()
    # Centroids decide r*, so the plan is another one when any image is.
    images = json.dumps([index.digests, index.labels.tolist()]).encode()
    prompts = words.prompts if words.captions is None else words.captions
    learned = {"tokens_sha256": words.tokens} if words.tokens else {}
    return {
        "recipe": config.recipe(),
        "fingerprint": {
            "model": {**family.fingerprint(), "model": config.model or "demo"},
            "backbone": backbone.fingerprint(),
            "prompts_sha256": hashlib.sha256("\n".join(prompts).encode()).hexdigest(),
            **learned,
            "seeds": "sha256(source digest, target, variation, base seed, attempt)",
            "preprocessing": "shorter side resized with antialiasing, centre cropped",
        },
        "plan": {"pairs": len(plan), "sha256": hashlib.sha256(images + pairs).hexdigest()},
    }


def scope_of(*descriptions: Mapping[str, Any]) -> str:
    """Hash what r* depends on besides image and target: recipe, model, backbone.

    Args:
        descriptions: Ready for JSON, such as a recipe and a backbone's fingerprint.

    Returns:
        64 hexadecimal digits, SHA-256.
    """
    text = json.dumps(descriptions, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
