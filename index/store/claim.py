"""Whose folder it is: a build claims it, and a grown plan sets aside what is already there.

`build.json` holds the recipe, fingerprint and plan that the folder was begun with. Another recipe
is refused, for its rows would be other rows. Another plan is not: the finished pairs go into
`earlier/`, and the build takes from there what its plan still has.
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
from .shards import finished_shards, shard_path, stats_path

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
    found = check_claim(out, build)
    if found is not None and found != _as_json(build):
        # Before the new claim: if this is interrupted, the folder still has the old one, and the
        # next build sets the rest aside.
        supersede_shards(out, sorted(finished_shards(out)))
        found = None
    if found is None:
        write_json(out / BUILD, build)


def check_claim(out: Path, build: dict[str, Any]) -> dict[str, Any] | None:
    """Return what `out` was begun with, without changing anything; None for a new folder.

    Raises:
        FolderInUseError: As `claim_folder`.
    """
    path = out / BUILD
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        changed = sorted(_differences(fixed_part(found), fixed_part(_as_json(build))))
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

    It needs no recipe, so a build asks this before it loads a model.

    Raises:
        FolderInUseError: It does.
    """
    if out.exists() and not (out / BUILD).exists() and any(out.iterdir()):
        raise FolderInUseError(f"{out} is not empty and not a bank: give another --out")


def fixed_part(build: dict[str, Any]) -> dict[str, Any]:
    """Return what decides each single row, and so may not change within a bank."""
    fingerprint = dict(build["fingerprint"])
    # The digest of all classes' prompts moves with every new class. A pair is known by its own
    # prompt (see `pair_key`), so one whose prompt has changed is not found, and is made again.
    fingerprint.pop("prompts_sha256", None)
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
        keep_shard(out / SUPERSEDED, shard_path(out, index), embeddings)
    # Without its manifest the bank is unfinished: nobody opens it while its shards go.
    (out / MANIFEST).unlink(missing_ok=True)
    for index in shards:
        rows = shard_path(out, index)
        # Stats first: from then on the shard does not count as finished, whatever else is left.
        stats_path(out, index).unlink()
        embeddings_path(out, index).unlink()
        rows.unlink()


def own_pairs(out: Path) -> PairStore:
    """Return the pairs that a bank has: those set aside, and those of its finished shards."""
    store = PairStore(out / SUPERSEDED)
    for index in sorted(finished_shards(out)):
        if embeddings_path(out, index).exists():
            store.include(shard_path(out, index), embeddings_path(out, index))
    return store


def _as_json(build: dict[str, Any]) -> dict[str, Any]:
    """Return a build as it reads back from its file: tuples become lists."""
    # Compared as it was written, or a tuple would differ from its own list.
    read: dict[str, Any] = json.loads(json.dumps(build))
    return read


def _differences(found: Any, wanted: Any, name: str = "") -> list[str]:
    """List what differs between two nested dicts, by dotted name and with both values."""
    if not (isinstance(found, dict) and isinstance(wanted, dict)):
        return [] if found == wanted else [f"{name} ({found!r} there, {wanted!r} now)"]
    # All keys of both: a setting that one side lacks is a difference, too, unless it is None.
    keys = found.keys() | wanted.keys()
    return [
        difference
        for key in keys
        for difference in _differences(found.get(key), wanted.get(key), f"{name}.{key}".strip("."))
    ]
