"""Build a bank: `python -m index.build`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import tyro

from genie_transforms.format import write_card
from index.config import BuildConfig
from index.demo import ORACLE, PIPELINE, oracle_names
from index.diffusion import Switches, load_family
from index.embed import FLAT, CachedBackbone, load_backbone
from index.generate import BuildContext
from index.report import strips, summarize, write_preview
from index.sources import open_source
from index.store import (
    SUPERSEDED,
    PairStore,
    check_claim,
    claim_folder,
    finalize,
    fixed_part,
    mark_near_duplicates,
    own_pairs,
    stale_shards,
    supersede_shards,
)

from .describe import describe, scope_of
from .estimate import estimate
from .finish import preview_pairs, record_choices, remove_leftovers, stored_images
from .prepare import embed_sources, plan_pairs, resolve
from .prompts import make_build_prompts
from .reuse import PairReuse
from .run import Job, run_shards

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
    words = make_build_prompts(config, family, source)
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
    stores = [folder for folder in (config.out / SUPERSEDED, cache) if folder]
    context = BuildContext(config, source, family, backbone, index, words.prompts, words.captions)
    if config.dry_run:
        check_claim(config.out, description)
        known = PairReuse(context, [*map(PairStore, stores), own_pairs(config.out)])
        print(estimate(context, plan, known))
        return config.out

    claim_folder(config.out, description)
    if config.refresh_stale:
        supersede_shards(config.out, stale_shards(config.out))
    keys = context.keys(plan)
    wanted = preview_pairs(len(plan), config.preview)
    run_shards(Job(context, plan, keys, PairReuse(context, map(PairStore, stores)), cache, wanted))

    mark_near_duplicates(config.out)
    r_stars = record_choices(config, names, scope)
    r_stars.save(config.out / "index" / "r_star.npz")
    searched.save(config.out / "index")
    facts = {
        "source data": f"{len(source)} images ({source.kind})",
        "classes": len(names),
        "pairs planned": len(plan),
    }
    write_card(config.out, facts, description["recipe"])
    shown = strips(config.out, [keys[pair] for pair in wanted], keys)
    write_preview(config.out, shown, config.sweep_ratios)
    finalize(config.out, names, description, len(plan))
    remove_leftovers(config.out, set(keys))
    seen = oracle_names(stored_images(config.out)) if _has_oracle(config) else None
    print(summarize(config.out, time.perf_counter() - start, seen))
    return config.out


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
