"""r* from one build to the next: what earlier ones found, and what this one leaves to others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from genie_transforms import FolderInUseError
from index.config import BuildConfig
from index.generate import BuildContext, RStarCache
from index.store import finished_shards, read_shard_stats

from .describe import Description, scope_of

_COPY = Path("index", "known_r_star.npz")


def known_r_stars(context: BuildContext, description: Description) -> RStarCache:
    """Return the r* that this build may start from, for `--ada neighbours`.

    They are those of the bank itself, from before it grew, and those of the cache that banks
    share. The cache moves on while other builds finish, so what is known is copied into the bank
    before its first shard: a build that is continued reads that copy alone, and so gives the same
    bytes as one that was never interrupted. The copy is named by the whole description; once the
    plan has changed it is of no use, and another one is made.

    Args:
        context: The build; images that it does not have, and other targets, are left out.
        description: What `claim_folder` has claimed the folder with.

    Raises:
        FolderInUseError: Finished shards were made with a copy that is lost: the others would be
            made in another way.
    """
    known = _known_r_stars(context, description)
    out, digest = context.config.folder, known.digest()
    for shard in finished_shards(out):
        if read_shard_stats(out, shard).get("known_r_stars", digest) != digest:
            raise FolderInUseError(
                f"{out / _COPY} is not what the finished shards were made with: put it back, or "
                f"remove {out / 'stats'}, so that all shards are made again"
            )
    return known


def _known_r_stars(context: BuildContext, description: Description) -> RStarCache:
    config, claim = context.config, scope_of(description.content)
    known = RStarCache(claim)
    if not config.previews or config.ada != "neighbours":
        return known
    path = config.folder / _COPY
    if path.exists():
        copied = RStarCache.load(path)
        if copied.scope == claim:
            return copied
    # Shards without a copy beside them were made without known r*, before there were copies:
    # the rest must be made in the same way.
    if not finished_shards(config.folder):
        images = set(context.index.digests)
        for found in _earlier(config, description):
            for target in context.source.class_names:
                for digest, noise_ratio in found.of_target(target).items():
                    if digest in images:
                        known.record(digest, target, noise_ratio)
        known.save(path)
    return known


def _earlier(config: BuildConfig, description: Description) -> Iterator[RStarCache]:
    """Read what is known under the same scope; the bank's own r* last, for they are the nearest."""
    shared = [description.shared_r_stars(config.cache)] if config.cache else []
    for path in (*shared, config.folder / "index" / "r_star.npz"):
        if path.exists():
            found = RStarCache.load(path)
            if found.scope == description.scope:
                yield found


def chosen_r_stars(
    config: BuildConfig, names: list[str], scope: str, table: pa.Table
) -> RStarCache:
    """Collect every r* that Algorithm 1 chose and would choose again.

    Args:
        config: The build.
        names: Of the classes.
        scope: Of the build.
        table: All rows; the columns `source_digest`, `label`, `noise_ratio` and `stale` are read.

    Returns:
        r* by source digest and name of the target; none of methods with a fixed noise ratio.
    """
    r_stars = RStarCache(scope)
    if config.method == "genie-ada":
        columns = ["source_digest", "label", "noise_ratio", "stale"]
        for row in table.select(columns).to_pylist():
            if not row["stale"]:
                ratio = round(row["noise_ratio"], 6)  # stored in single precision
                r_stars.record(row["source_digest"], names[row["label"]], ratio)
    return r_stars


def share_r_stars(path: Path, r_stars: RStarCache) -> None:
    """Add the r* of a finished build to a file that builds of the same scope share."""
    if not len(r_stars):
        return
    merged = RStarCache(r_stars.scope)
    if path.exists():
        merged.merge(RStarCache.load(path, r_stars.scope))
    merged.merge(r_stars)
    merged.save(path)
