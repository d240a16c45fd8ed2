"""Write one shard atomically, list the finished ones, finalize a bank.

A shard is finished when its stats file exists: data is written to a temporary name, flushed to
disk and renamed, and only then are the stats written, in the same way. Whatever was interrupted
before that is simply done again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genie_transforms import FolderInUseError
from genie_transforms.format import MANIFEST, write_json
from index.plan import PLAN_FIELDS

from .embeddings import embeddings_path
from .pairs import PairStore, keep_shard
from .shards import finished_shards, stats_path

BUILD = "build.json"


SUPERSEDED = "earlier"


def claim_folder(out: Path, build: dict[str, Any]) -> None:
    """Make `out` the folder of this build, or check that it already is.

    If only the plan is another one, because images, classes or targets came or went, finished
    shards are set aside: the build takes from them what it needs.

    Args:
        out: Folder of the bank.
        build: Recipe, fingerprint and plan, ready for JSON.

    Raises:
        FolderInUseError: The folder holds something else, or a bank of another recipe.
    """
    path = out / BUILD
    found = check_claim(out, build)
    if found is not None and found != json.loads(json.dumps(build)):
        supersede_shards(out, sorted(finished_shards(out)))
        found = None
    if found is None:
        write_json(path, build)


def check_claim(out: Path, build: dict[str, Any]) -> dict[str, Any] | None:
    """Read what `out` was begun with; None for a new folder. Raises as `claim_folder` does."""
    path = out / BUILD
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        wanted = json.loads(json.dumps(build))
        changed = sorted(_differences(fixed_part(found), fixed_part(wanted)))
        if changed:
            raise FolderInUseError(
                f"{out} was begun with another recipe; it differs in {', '.join(changed)}. "
                "Give another --out, or remove that folder."
            )
        return found
    check_folder(out)
    return None


def check_folder(out: Path) -> None:
    """Refuse a folder that holds something else than a bank, begun or finished.

    Raises:
        FolderInUseError: It does.
    """
    if out.exists() and not (out / BUILD).exists() and any(out.iterdir()):
        raise FolderInUseError(f"{out} is not empty and not a bank: give another --out")


def fixed_part(build: dict[str, Any]) -> dict[str, Any]:
    """Give what decides each single row, and so may not change within a bank."""
    fingerprint = dict(build["fingerprint"])
    fingerprint.pop("prompts_sha256", None)  # of all classes; each pair is known by its own
    recipe = {k: v for k, v in build["recipe"].items() if k not in PLAN_FIELDS}
    return {"recipe": recipe, "fingerprint": fingerprint}


def supersede_shards(out: Path, shards: Sequence[int]) -> None:
    """Move finished shards into `out/earlier`, where a later build finds their pairs.

    Nothing is removed before all is there, so it may be interrupted and called again.

    Raises:
        FolderInUseError: A shard has no embeddings beside it, so that it cannot be used again.
    """
    for index in shards:
        embeddings = embeddings_path(out, index)
        if not embeddings.exists():
            raise FolderInUseError(
                f"{out} cannot grow: {embeddings} is missing, and r* cannot be checked without it. "
                "Give another --out."
            )
        entry = json.loads(stats_path(out, index).read_text())["shard"]
        keep_shard(out / SUPERSEDED, out / entry["name"], embeddings)
    (out / MANIFEST).unlink(missing_ok=True)
    for index in shards:
        entry = json.loads(stats_path(out, index).read_text())["shard"]
        stats_path(out, index).unlink()
        embeddings_path(out, index).unlink()
        (out / entry["name"]).unlink()


def own_pairs(out: Path) -> PairStore:
    """Find the pairs of a bank's finished shards where they are."""
    store = PairStore(out / SUPERSEDED)
    for index in sorted(finished_shards(out)):
        entry = json.loads(stats_path(out, index).read_text())["shard"]
        if embeddings_path(out, index).exists():
            store.include(out / entry["name"], embeddings_path(out, index))
    return store


def _differences(found: Any, wanted: Any, name: str = "") -> list[str]:
    if not (isinstance(found, dict) and isinstance(wanted, dict)):
        return [] if found == wanted else [f"{name} ({found!r} there, {wanted!r} now)"]
    keys = found.keys() | wanted.keys()
    return [
        difference
        for key in keys
        for difference in _differences(found.get(key), wanted.get(key), f"{name}.{key}".strip("."))
    ]
