"""Comparing builds: what may not change within a bank, what differs, what an old bank leaves out.

A build is described by nested dicts, ready for JSON: `recipe`, `fingerprint` and `plan`. Releases
add keys, for settings of their own and for what a new diffusers writes into a scheduler's
configuration. A bank that does not know a key was made as if it had its default.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from index.plan import PLAN_FIELDS

_MISSING = object()


def fixed_part(build: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides each single row, and so may not change within a bank."""
    fingerprint = dict(build["fingerprint"])
    # The digest of all classes' prompts moves with every new class. A pair is known by its own
    # prompt (see `pair_key`), so one whose prompt has changed is not found, and is made again.
    fingerprint.pop("prompts_sha256", None)
    recipe = {k: v for k, v in build["recipe"].items() if k not in PLAN_FIELDS}
    return {"recipe": recipe, "fingerprint": fingerprint}


def identity(build: Mapping[str, Any]) -> dict[str, str]:
    """Name a build, so that each of its shards can say whose it is.

    Args:
        build: Recipe, fingerprint and plan, ready for JSON.

    Returns:
        `scope`, of what decides each single row, and `plan`, of the rest; 32 digits each.
    """
    rest = {
        "recipe": {k: v for k, v in build["recipe"].items() if k in PLAN_FIELDS},
        "prompts_sha256": build["fingerprint"].get("prompts_sha256"),
        "plan": build.get("plan"),
    }
    return {"scope": _hash(fixed_part(build)), "plan": _hash(rest)}


def completed(
    found: Mapping[str, Any], defaults: Mapping[str, Any], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Add to what a bank says of itself what it does not know, as far as that has a default.

    Args:
        found: Description of the bank.
        defaults: Values of keys, nested like a description.
        wanted: Description of today's build; what it lacks is not added.

    Returns:
        A new description.
    """
    result = dict(found)
    for key, value in wanted.items():
        default = defaults.get(key, _MISSING) if isinstance(defaults, Mapping) else _MISSING
        if key not in found:
            if default is not _MISSING and not isinstance(default, Mapping):
                result[key] = default
        elif isinstance(value, Mapping) and isinstance(found[key], Mapping):
            inner = default if isinstance(default, Mapping) else {}
            result[key] = completed(found[key], inner, value)
    return result


def differences(found: Any, wanted: Any, name: str = "") -> list[str]:
    """List what differs between two nested dicts, by dotted name and with both values."""
    if not (isinstance(found, dict) and isinstance(wanted, dict)):
        return [] if found == wanted else [f"{name} ({found!r} there, {wanted!r} now)"]
    # All keys of both: a setting that one side lacks is a difference, too, unless it is None.
    keys = found.keys() | wanted.keys()
    return [
        difference
        for key in keys
        for difference in differences(found.get(key), wanted.get(key), f"{name}.{key}".strip("."))
    ]


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
