"""Look at a folder while a build may be writing in it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genie_transforms import BankError, BankFormatError, BankNotFoundError
from genie_transforms.format import MANIFEST, Manifest, bank_file, is_uri, read_json
from index.store import BUILD, source_blocks

from .elsewhere import BAD_IMAGES, outlined
from .owner import OwnerSeen, see_owner
from .shards import ShardSeen, see_shards
from .status import StageName, Status
from .workers import see_workers

WINDOW = 50
"""Shards, the last ones, that the speed is of."""


UNKNOWN = "for reasons that no statistics tell"


_SHOWN = 3
_TRIES = 3


def read_status(bank: str | Path, now: float | None = None) -> Status:
    """Look at a bank, and say what can be said of its build.

    Args:
        bank: Its folder, or its URI.
        now: Seconds since 1970; the present time if not given.

    Raises:
        BankNotFoundError: There is no folder, or nothing was begun in it.
        BankFormatError: It holds something else than a bank.
        UserError: pyarrow cannot open such a URI, or there is no such bucket.
        StorageError: The server does not answer, or refuses.
    """
    if not is_uri(str(bank)):
        return _settled(Path(bank), now)
    with outlined(str(bank)) as (name, folder):
        try:
            status = _settled(folder, now)
        except BankError as error:
            raise type(error)(str(error).replace(str(folder), name)) from error
    faults = {file: text.replace(str(folder), name) for file, text in status.faults.items()}
    return replace(status, bank=name, workers=None, faults=faults)


def _settled(bank: Path, now: float | None) -> Status:
    """Look at a folder, again if its owner changed meanwhile."""
    for _ in range(_TRIES):
        moment = time.time() if now is None else now
        status = _look(bank, moment)
        if _job(see_owner(bank, moment)) == _job(status.owner):
            break  # else a build began or ended meanwhile, and half of it was seen
    return status


def _look(bank: Path, now: float) -> Status:
    owner, faults = see_owner(bank, now), dict[str, str]()
    _check_begun(bank, owner)
    running = owner is not None and owner.alive
    build = _read(bank, BUILD, faults)
    shards, damaged = see_shards(bank)
    manifest = _manifest(bank, faults)
    if manifest is not None and not running:  # while it is built on, one may be ahead of the other
        faults |= _faults_of_manifest(bank, manifest, shards, damaged)
    planned, planned_shards = _planned(build, manifest, shards)
    made, failed = _counts(manifest, shards)
    bad, examples = _bad_images(_read(bank, BAD_IMAGES, faults))
    seconds: Counter[str] = Counter()
    for shard in shards:
        seconds.update(shard.seconds)
    return Status(
        bank=str(bank),
        stage=_stage(manifest, planned_shards, len(shards)),
        owner=owner,
        workers=see_workers(bank, now),
        planned=planned,
        planned_shards=planned_shards,
        shards=len(shards) or (len(manifest.shards) if manifest else 0),
        made=made,
        reused=sum(shard.reused for shard in shards),
        failed=failed,
        source_blocks=len(source_blocks(bank)),
        bad_images=bad,
        examples=examples,
        network_rows=sum(shard.network_rows for shard in shards),
        seconds=dict(seconds.most_common()),
        speed=_speed(shards, owner, now) if owner is not None and owner.alive else None,
        idle=max(now - max(shard.ended for shard in shards), 0.0) if shards else None,
        faults={**faults, **damaged},
    )


def _check_begun(bank: Path, owner: OwnerSeen | None) -> None:
    """Refuse what is no folder of a bank.

    Raises:
        BankNotFoundError: There is no folder, or nothing was begun in it.
        BankFormatError: It holds something else than a bank, or cannot be read.
    """
    try:
        names = {path.name for path in bank.iterdir()}
    except FileNotFoundError as error:
        raise BankNotFoundError(f"no folder at {bank}") from error
    except OSError as error:
        raise BankFormatError(f"{bank} is no folder that can be read: {error}") from error
    if owner is not None or names & {BUILD, MANIFEST, "stats"}:
        return
    if names:
        raise BankFormatError(f"{bank} is not a bank: it has neither {BUILD} nor {MANIFEST}")
    raise BankNotFoundError(f"{bank} is empty: no build was begun there")


def _read(bank: Path, name: str, faults: dict[str, str]) -> Any:
    """Read a JSON file; None if it is not there, or is damaged, which is noted."""
    try:
        return read_json(bank, name)
    except BankFormatError as error:
        if os.path.lexists(bank / name):
            faults[name] = str(error)
        return None


def _manifest(bank: Path, faults: dict[str, str]) -> Manifest | None:
    try:
        return Manifest.read(bank)
    except BankError as error:
        if os.path.lexists(bank / MANIFEST):
            faults[MANIFEST] = str(error)
        return None


def _faults_of_manifest(
    bank: Path, manifest: Manifest, shards: Sequence[ShardSeen], damaged: dict[str, str]
) -> dict[str, str]:
    """Say which shards are not there, or are others than the statistics know."""
    known = {shard.entry["name"]: shard.entry for shard in shards}
    faults = {}
    for entry in manifest.shards:
        name = entry["name"]
        try:
            bank_file(bank, name)
        except BankFormatError as error:
            faults[name] = str(error)
        if known and not damaged and known.get(name, {}).get("sha256") != entry["sha256"]:
            faults[name] = f"{bank / name} is another one to {MANIFEST} than to its statistics"
    return faults


def _stage(manifest: Manifest | None, planned_shards: int | None, shards: int) -> StageName:
    if manifest is not None:
        return "finished"
    if planned_shards is None:
        return "embed"
    return "generate" if shards < planned_shards else "finish"


def _planned(
    build: Any, manifest: Manifest | None, shards: Sequence[ShardSeen]
) -> tuple[int | None, int | None]:
    """Return the pairs and the shards of the plan, as far as they are known."""
    try:
        pairs, each = int(build["plan"]["pairs"]), int(build["recipe"]["pairs_per_shard"])
        return pairs, -(-pairs // each)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        pass  # before images are embedded there is no plan, and of old there was none in the file
    if manifest is not None:
        return manifest.counts.get("pairs", manifest.num_rows), len(manifest.shards)
    return None, max((shard.of for shard in shards), default=None)


def _counts(manifest: Manifest | None, shards: Sequence[ShardSeen]) -> tuple[int, dict[str, int]]:
    """Return how many pairs were made, and how many failed by reason."""
    if manifest is not None and not shards:  # merged, or from a hub
        failed = manifest.counts.get("failed", 0)
        return manifest.num_rows, {UNKNOWN: failed} if failed else {}
    reasons: Counter[str] = Counter()
    for shard in shards:
        reasons.update(shard.reasons)
    return sum(shard.rows for shard in shards), dict(reasons.most_common())


def _bad_images(content: Any) -> tuple[int, list[str]]:
    """Return how many images cannot be used, and some of them."""
    try:
        bad = [f"{image['id']} ({image['reason']})" for image in content["bad"]]
    except (KeyError, TypeError):
        return 0, []
    return len(bad), bad[:_SHOWN]


def _speed(shards: Sequence[ShardSeen], owner: OwnerSeen, now: float) -> float | None:
    """Return the pairs per second of an owner, by the times of its last shards."""
    ours = sorted((shard for shard in shards if shard.ended >= owner.since), key=lambda s: s.ended)
    # What was before the first of them took time for other things, such as opening a model.
    last = ours[-WINDOW - 1 :]
    pairs = sum(max(shard.pairs - shard.reused, 0) for shard in last[1:])
    seconds = now - last[0].ended if last else 0.0
    return pairs / seconds if pairs and seconds > 0 else None


def _job(owner: OwnerSeen | None) -> str | None:
    return None if owner is None else owner.owner.job
