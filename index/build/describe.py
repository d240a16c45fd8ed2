"""Describe a build: what may not change while it is continued, and what r* is valid for."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from index.config import BuildConfig
from index.store import fixed_part

from .open import Opened
from .prepare import Prepared


@dataclass(frozen=True)
class Description:
    """A build in words that can be compared, as its folder keeps them in `build.json`.

    Attributes:
        content: Recipe, fingerprint and plan, ready for JSON.
        defaults: What keys count as that an earlier release did not know, nested like `content`.
        scope: SHA-256 of what decides each single row. Finished pairs are shared among
            builds of one scope, whatever their plans.
    """

    content: dict[str, Any]
    defaults: dict[str, Any]
    scope: str

    def shared_pairs(self, cache: Path) -> Path:
        """Return the folder of a cache where builds of this scope keep finished pairs."""
        return cache / "pairs" / self.scope[:32]


def describe(opened: Opened, prepared: Prepared) -> Description:
    """Describe a build by its recipe, a fingerprint of its models and prompts, and its plan."""
    context, plan = prepared.context, prepared.plan
    pairs = np.stack([plan.sources, plan.targets, plan.variations]).astype("<i8").tobytes()
    # Centroids decide r*, so the plan is another one when any image is. Shards name their classes
    # and images, so it is another one, too, when a class or a file is called something else.
    index, source = context.index, context.source
    ids = [*map(str, source.ids[:])]  # as a slice, which is three times faster than one by one
    named = [index.digests, index.labels.tolist(), source.class_names, ids]
    images = json.dumps(named).encode()
    rows = describe_rows(opened)
    content = {
        **rows,
        # What the plan decided, if nobody asked for a size.
        "recipe": {**rows["recipe"], "pairs_per_shard": plan.pairs_per_shard},
        "plan": {"pairs": len(plan), "sha256": hashlib.sha256(images + pairs).hexdigest()},
    }
    return Description(content, defaults_of(opened), scope_of(fixed_part(content)))


def describe_rows(opened: Opened) -> dict[str, Any]:
    """Describe a build as far as it decides single rows: before anything is embedded or planned.

    Args:
        opened: What `decide` returned.

    Returns:
        Recipe and fingerprint, ready for JSON.
    """
    config, prompts = opened.config, opened.prompts
    of_classes = ["\t".join(of_class) for of_class in prompts.prompts]
    texts = of_classes if prompts.captions is None else prompts.captions
    learned = {"tokens_sha256": prompts.tokens} if prompts.tokens else {}
    return {
        "recipe": config.recipe(),
        "fingerprint": {
            "model": {**opened.family.fingerprint(), "model": config.model or "demo"},
            "backbone": opened.backbone.fingerprint(),
            "prompts_sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
            **learned,
            "seeds": "sha256(source digest, target, variation, base seed, attempt)",
            "preprocessing": "shorter side resized with antialiasing, centre cropped",
        },
    }


def defaults_of(opened: Opened) -> dict[str, Any]:
    """Return what a build's settings, and those of its scheduler, are if nobody sets them.

    Where the model decides a default, it is what the model decided.

    Args:
        opened: What `decide` returned.
    """
    recipe = opened.config.recipe()
    for one in fields(BuildConfig):
        default = one.default
        if one.name in recipe and default is not MISSING:
            if getattr(opened.given, one.name) == default:
                continue  # what the model decided
            recipe[one.name] = list(default) if isinstance(default, tuple) else default
    parameters = inspect.signature(type(opened.family.scheduler).__init__).parameters.values()
    scheduler = {p.name: p.default for p in parameters if p.default is not p.empty}
    return {"recipe": recipe, "fingerprint": {"model": {"scheduler": scheduler}}}


def scope_of(*descriptions: Mapping[str, Any]) -> str:
    """Hash what r* depends on besides image and target: recipe, model, backbone.

    Args:
        descriptions: Ready for JSON, such as a recipe and a backbone's fingerprint.

    Returns:
        64 hexadecimal digits, SHA-256.
    """
    text = json.dumps(descriptions, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
