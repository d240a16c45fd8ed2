"""Run a build: claim its folder, mend it, and make in it whatever is not yet made."""

from __future__ import annotations

import logging

from index.store import (
    SUPERSEDED,
    claim_folder,
    drop_damaged_shards,
    identity,
    stale_shards,
    supersede_shards,
)

from .bad_images import write_bad_images
from .describe import Description
from .prepare import Prepared
from .retry import RetryFailed, next_round
from .reuse import PairReuse, pair_stores
from .shards import GenerateShards, Job, share_shard
from .tasks import RunStage, run_here

logger = logging.getLogger("genie.build")


def run(prepared: Prepared, description: Description, run_stage: RunStage = run_here) -> None:
    """Claim the folder, and make in it whatever is not yet made.

    Args:
        prepared: The build.
        description: The same in words.
        run_stage: Runs a stage.

    Raises:
        FolderInUseError: The folder holds something else, or a bank of another recipe.
    """
    claim(prepared, description)
    write_bad_images(prepared.context.config.folder, prepared.bad)  # told while the build runs, too
    job = open_job(prepared, description)
    run_stage(GenerateShards(job))
    if prepared.context.config.retry_failed:
        run_stage(RetryFailed(job, next_round(job)))
    for shard in range(job.plan.num_shards):
        share_shard(job, shard)


def claim(prepared: Prepared, description: Description) -> None:
    """Claim the folder, drop what is damaged in it, and set aside what is of another plan.

    Only the owner of the folder calls this, before anybody opens the job.

    Raises:
        FolderInUseError: As `run`.
    """
    config = prepared.context.config
    cache = description.shared_pairs(config.cache) if config.cache else None
    drop_damaged_shards(config.folder, cache)
    aside = claim_folder(config.folder, description.content, description.defaults)
    if left := aside.difference(prepared.keys if aside else ()):
        # Before the work, so that whoever meant to grow a bank can still stop it.
        logger.warning(
            "this plan leaves out %d of %d finished pairs, which stay in %s: their image, class or "
            "prompt is gone, or a budget (--per-class, --max-pairs, random:K) now chooses others",
            len(left), len(aside), config.folder / SUPERSEDED,
        )  # fmt: skip
    if config.refresh_stale:
        supersede_shards(config.folder, stale_shards(config.folder))


def open_job(prepared: Prepared, description: Description) -> Job:
    """Return what is to be run, in the owner's process or another one that works for it."""
    config = prepared.context.config
    # Opened after the claim, which may have superseded shards.
    reuse = PairReuse(prepared.context, pair_stores(config, description))
    return Job(
        prepared.context,
        prepared.plan,
        prepared.keys,
        identity(description.content),
        reuse,
        description.shared_pairs(config.cache) if config.cache else None,
        prepared.shown,
    )
