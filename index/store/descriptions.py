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

_TOKENS = "tokens_sha256"
"""Key of a fingerprint: the SHA-256 of the learned token of each target, by name of the class."""


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


def changed_recipe(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """List what differs in the fixed parts of two builds, as `differences` does.

    A learned token decides the rows of its class alone, so that classes may come and go: only the
    tokens of classes that both builds have must be the same.
    """
    one, other = fixed_part(found), fixed_part(wanted)
    tokens = [part["fingerprint"].get(_TOKENS) for part in (one, other)]
    if None not in tokens:
        shared = tokens[0].keys() & tokens[1].keys()
        for part, of_part in zip((one, other), tokens, strict=True):
            part["fingerprint"][_TOKENS] = {name: of_part[name] for name in shared}
    return differences(one, other)


def with_tokens_of(found: Mapping[str, Any] | None, build: dict[str, Any]) -> dict[str, Any]:
    """Return a build that also knows the tokens of what its folder was begun with.

    Finished pairs of classes that are no targets now are kept, and found when they are again: with
    another token they would be other pairs.
    """
    known = {} if found is None else found["fingerprint"].get(_TOKENS, {})
    if not known:
        return build
    tokens = {**known, **build["fingerprint"].get(_TOKENS, {})}
    return {**build, "fingerprint": {**build["fingerprint"], _TOKENS: tokens}}


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
