"""Whose folder it is: a build claims it, and a grown plan sets aside what is already there.

`build.json` holds the recipe, fingerprint and plan that the folder was begun with. Another recipe
is refused, for its rows would be other rows. Another plan is not: the finished pairs go into
`earlier/`, and the build takes from there what its plan still has.

Every shard says in its statistics which build it is of, so that a lost or damaged `build.json` is
written again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from genie_transforms import BankError, FolderInUseError
from genie_transforms.format import MANIFEST, read_shard, write_json

from .descriptions import (
    changed_recipe,
    completed,
    differences,
    fixed_part,
    identity,
    with_tokens_of,
)
from .embeddings import embeddings_path
from .layout import BUILD, check_folder
from .pairs import PairStore, keep_shard
from .shards import built_by, finished_shards, shard_path, stats_path

logger = logging.getLogger("genie.build")

SUPERSEDED = "earlier"

Defaults = Mapping[str, Any]
"""What keys of a build are worth if nobody sets them, nested like a build."""


def claim_folder(out: Path, build: dict[str, Any], defaults: Defaults | None = None) -> set[str]:
    """Make `out` the folder of this build, or check that it already is.

    If only the plan is another one, because images, classes or targets came or went, finished
    shards are set aside: the build takes from them what it needs.

    Args:
        out: Folder of the bank.
        build: Recipe, fingerprint and plan, ready for JSON.
        defaults: See `check_claim`.

    Returns:
        The keys of the pairs that were set aside.

    Raises:
        FolderInUseError: The folder holds something else, or a bank of another recipe.
    """
    wanted, aside = _as_json(build), set[str]()
    found = check_claim(out, build, defaults)
    known = with_tokens_of(found, wanted)
    if found is None or differences(found, known):
        ours = identity(wanted)
        # Before the new claim: if this is interrupted, the folder still has the old one, and the
        # next build sets the rest aside.
        others = [shard for shard in sorted(finished_shards(out)) if built_by(out, shard) != ours]
        aside = supersede_shards(out, others)
    if _read(out) != known:
        write_json(out / BUILD, known)
    return aside


def begin_folder(out: Path, build: dict[str, Any], defaults: Defaults | None = None) -> None:
    """Claim a folder before the plan is known, or refuse it; a bank that is there stays as it is.

    Args:
        out: Folder of the bank.
        build: Recipe and fingerprint, ready for JSON.
        defaults: See `check_claim`.

    Raises:
        FolderInUseError: As `claim_folder`.
    """
    if check_claim(out, build, defaults) is None and not finished_shards(out):
        write_json(out / BUILD, build)


def check_claim(
    out: Path, build: dict[str, Any], defaults: Defaults | None = None
) -> dict[str, Any] | None:
    """Return what `out` was begun with, without changing anything.

    Args:
        out: Folder of the bank.
        build: Recipe and fingerprint, ready for JSON; the plan need not be known.
        defaults: What a key counts as that the folder does not know, because its bank was begun
            by an earlier release.

    Returns:
        What stands in `build.json`, with the keys that it lacked; None for a new folder, and for
        one whose `build.json` is lost but whose shards are of this recipe.

    Raises:
        FolderInUseError: As `claim_folder`.
    """
    check_folder(out)
    wanted, defaults = _as_json(build), defaults or {}
    found = _read(out)
    shards = finished_shards(out)
    scopes = {said["scope"] for shard in shards if (said := built_by(out, shard))}
    ours = scopes == {identity(wanted)["scope"]}
    if found is not None:
        found = completed(found, defaults, wanted)
        changed = sorted(changed_recipe(found, wanted))
        if not changed:
            return found
        if not ours:
            raise FolderInUseError(
                f"{out} was begun with another recipe; it differs in {', '.join(changed)}. "
                "Give another --out, or remove that folder."
            )
    is_bank = bool(shards) or (out / MANIFEST).exists()
    if is_bank and not ours and not _is_finished_bank_of(out, wanted, defaults):
        raise FolderInUseError(
            f"{out / BUILD} is missing or damaged, and neither {MANIFEST} nor the shards say that "
            "this bank is of the same recipe: put it back, or give another --out"
        )
    if shards or (out / BUILD).exists():
        logger.warning("%s is missing or damaged: it is written again", out / BUILD)
    return None


def check_claimed(out: Path, build: dict[str, Any]) -> None:
    """Refuse to work for an owner who builds something else: other settings, or other images.

    Args:
        out: Folder of the bank.
        build: Recipe, fingerprint and plan of this process, ready for JSON.

    Raises:
        FolderInUseError: It is not what the owner has claimed the folder for.
    """
    claimed = _read(out)
    if changed := sorted(differences(claimed or {}, with_tokens_of(claimed, _as_json(build)))):
        raise FolderInUseError(
            f"{out} is being built with other settings or other images than this process has; they "
            f"differ in {', '.join(changed)}"
        )


def supersede_shards(out: Path, shards: Sequence[int]) -> set[str]:
    """Move finished shards into `out/earlier`, where a later build finds their pairs.

    Nothing is removed before all is there, so it may be interrupted and called again.

    Returns:
        The keys of their pairs.

    Raises:
        FolderInUseError: A shard has no embeddings beside it, so that it cannot be used again.
    """
    keys: set[str] = set()
    if not shards:
        return keys
    for index in shards:
        embeddings = embeddings_path(out, index)
        if not embeddings.exists():
            raise FolderInUseError(
                f"{out} cannot grow: {embeddings} is missing, and r* cannot be checked without it. "
                "Give another --out."
            )
        keep_shard(out / SUPERSEDED, shard_path(out, index), embeddings)
        keys.update(read_shard(embeddings)["key"].to_pylist())
    # Without its manifest the bank is unfinished: nobody opens it while its shards go.
    (out / MANIFEST).unlink(missing_ok=True)
    for index in shards:
        rows = shard_path(out, index)
        # Stats first: from then on the shard does not count as finished, whatever else is left.
        stats_path(out, index).unlink()
        embeddings_path(out, index).unlink()
        rows.unlink()
    return keys


def own_pairs(out: Path) -> PairStore:
    """Return the pairs that a bank has: those set aside, and those of its finished shards."""
    store = PairStore(out / SUPERSEDED)
    for index in sorted(finished_shards(out)):
        with suppress(BankError, ValueError, KeyError, TypeError):  # damaged: made again
            store.include(shard_path(out, index), embeddings_path(out, index))
    return store


def _read(out: Path) -> dict[str, Any] | None:
    """Read `build.json`; None if it is missing or damaged."""
    try:
        content = json.loads((out / BUILD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    parts = isinstance(content, dict) and [content.get(key) for key in ("recipe", "fingerprint")]
    return content if parts and all(isinstance(part, dict) for part in parts) else None


def _is_finished_bank_of(out: Path, wanted: dict[str, Any], defaults: Defaults) -> bool:
    """Tell whether the manifest says that the bank is of this recipe: its shards are too old to."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        said = {key: manifest[key] for key in ("recipe", "fingerprint")}
        return not differences(fixed_part(completed(said, defaults, wanted)), fixed_part(wanted))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _as_json(build: dict[str, Any]) -> dict[str, Any]:
    """Return a build as it reads back from its file: tuples become lists."""
    # Compared as it was written, or a tuple would differ from its own list.
    read: dict[str, Any] = json.loads(json.dumps(build))
    return read
