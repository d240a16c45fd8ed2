"""Build a bank: `python -m index.build`."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import tyro

from genie_transforms._pixels import decode, planes_of

from .config import BuildConfig
from .demo.weights import ORACLE, PIPELINE, oracle_names
from .diffusion.families import load_family
from .diffusion.speed import Switches
from .duplicates import mark_near_duplicates
from .embed import load_backbone
from .embedding_cache import CachedBackbone
from .estimate import estimate
from .neighbors import EmbeddingIndex
from .pair_store import PairStore
from .preparation import describe, embed_sources, plan_pairs, resolve
from .r_star import RStarCache, scope_of
from .report.card import write_card
from .report.preview import strips, write_preview
from .report.summary import summarize
from .reuse import Reuse, plan_keys
from .running import Job, run_shards
from .shards import (
    EARLIER,
    check_claim,
    claim,
    finalize,
    fixed_part,
    own_pairs,
    read_stats,
    read_table,
    set_aside,
    stale_shards,
)
from .sources import open_source
from .vectors import FLAT
from .wording import choose_words
from .worker import Workshop

logger = logging.getLogger("genie.build")


def build(config: BuildConfig) -> Path:
    """Build the bank that `config` describes, or continue it.

    Args:
        config: The build.

    Returns:
        The folder of the bank.

    Raises:
        FileExistsError: The folder holds something else, or a bank of another recipe.
        FileNotFoundError: Source or model are missing.
        ValueError: A setting is out of its range.
    """
    start = time.perf_counter()
    source = open_source(config.source)
    if config.source and not config.model:
        logger.warning("the demo's model draws nothing but shapes: for photographs give --model")
    family = load_family(
        config.model or str(PIPELINE),
        revision=config.revision,
        variant=config.variant,
        dtype=config.dtype,
        device=config.device,
        scheduler=config.scheduler,
        lora=config.lora,
        safety_checker=config.safety_checker == "on",
        switches=Switches(
            channels_last=config.channels_last,
            compile=config.compile,
            vae_slicing=config.vae_slicing,
            vae_tiling=config.vae_tiling,
            offload=config.offload,
        ),
    )
    config = resolve(config, family)
    names = source.class_names
    words = choose_words(config, family, source)
    backbone = load_backbone(config.backbone, device=config.device)
    kept = CachedBackbone(backbone, config.cache / "embeddings") if config.cache else None
    index = embed_sources(source, kept or backbone, config.resolution)
    if kept:
        logger.info("embeddings: %d of %d images were cached", kept.num_hits, len(source))
    searched = index if config.index_factory == FLAT else index.stored_as(config.index_factory)
    plan = plan_pairs(config, source, index)
    logger.info(
        "plan: %d pairs of %d images and %d classes in %d shards",
        len(plan), len(source), len(names), plan.num_shards,
    )  # fmt: skip

    description = describe(config, family, backbone, words, plan, index)
    scope = scope_of(fixed_part(description))
    cache = config.cache / "pairs" / scope[:32] if config.cache else None
    stores = [folder for folder in (config.out / EARLIER, cache) if folder]
    shop = Workshop(config, source, family, backbone, index, words.prompts, words.captions)
    if config.dry_run:
        check_claim(config.out, description)
        known = Reuse(shop, [*map(PairStore, stores), own_pairs(config.out)])
        print(estimate(shop, plan, known))
        return config.out

    claim(config.out, description)
    if config.refresh_stale:
        set_aside(config.out, stale_shards(config.out))
    keys = plan_keys(shop, plan)
    wanted = preview_pairs(len(plan), config.preview)
    run_shards(Job(shop, plan, keys, Reuse(shop, map(PairStore, stores)), cache, wanted))

    mark_near_duplicates(config.out)
    record_choices(index, config, names, scope)
    searched.r_stars = index.r_stars
    searched.save(config.out / "index")
    write_card(config.out, source.kind, len(source), len(names), description)
    shown = strips(config.out, [keys[pair] for pair in wanted], keys)
    write_preview(config.out, shown, config.sweep_ratios)
    finalize(config.out, names, description, len(plan))
    tidy(config.out, set(keys))
    seen = oracle_names(stored_images(config.out)) if _has_oracle(config) else None
    print(summarize(config.out, time.perf_counter() - start, seen))
    return config.out


def record_choices(
    index: EmbeddingIndex, config: BuildConfig, names: Sequence[str], scope: str
) -> None:
    """Keep every r* that was chosen in the index, by source digest and name of the target."""
    index.r_stars = RStarCache(scope)
    if config.method == "genie-ada":
        table = read_table(config.out, ["source_digest", "label", "noise_ratio"])
        for row in table.to_pylist():
            ratio = round(row["noise_ratio"], 6)  # stored in single precision
            index.record_r_star(row["source_digest"], names[row["label"]], ratio)


def tidy(out: Path, keys: set[str]) -> None:
    """Remove what was set aside once all of it is in the bank again, and halves of shards."""
    shards = {entry["shard"]["name"] for entry in read_stats(out)}
    for path in out.glob("data-*-of-*.arrow"):
        if path.name not in shards:
            path.unlink()
    left = PairStore(out / EARLIER).keys() - keys
    if left:
        logger.info("%s keeps %d pairs that this plan does not have", out / EARLIER, len(left))
    elif (out / EARLIER).exists():
        shutil.rmtree(out / EARLIER)


def preview_pairs(num_pairs: int, count: int) -> list[int]:
    """Choose pairs for the contact sheet, evenly over the plan."""
    count = min(count, num_pairs)
    return [k * num_pairs // count for k in range(count)]


def stored_images(out: Path) -> torch.Tensor:
    """Decode every image of a small bank, ``(N, 3, H, W)`` uint8."""
    cells = read_table(out, ["image"])["image"].to_pylist()
    return torch.stack([planes_of(decode(memoryview(cell["bytes"]))) for cell in cells])


def _has_oracle(config: BuildConfig) -> bool:
    return not config.source and not config.model and ORACLE.exists()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake ends with one line and exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = tyro.cli(BuildConfig, prog="python -m index.build", args=arguments)
        build(config)
    except (ValueError, FileNotFoundError, FileExistsError, ImportError) as error:
        logger.error("error: %s", error)
        sys.exit(2)


if __name__ == "__main__":
    main()
