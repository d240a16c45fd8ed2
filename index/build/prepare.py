"""Prepare a build: what the model decides, the embeddings of the images, and the plan."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm import tqdm

from genie_transforms import UserError, source_digest
from index.config import BuildConfig
from index.diffusion import Family, find_batch_size, with_timesteps
from index.diffusion.sampling import first_index
from index.embed import FLAT, Backbone, CachedBackbone, EmbeddingIndex
from index.generate import BuildContext
from index.plan import PairKeys, Plan, knn_confusion, make_plan, parse_pairs
from index.sources import Source, fit_to

from .open import Opened
from .prompts import complete_prompts

logger = logging.getLogger("genie.build")

_BLOCK = 256


@dataclass(frozen=True)
class Prepared:
    """All that is decided before a build runs.

    Attributes:
        context: What every shard needs.
        plan: All pairs.
        keys: The content key of each pair of the plan.
        shown: Positions in the plan of the pairs whose sweeps are wanted for `preview.png`.
        stored_index: The index as `--index-factory` stores it.
        tokens: The sha256 of the learned token of each target, by name of the class.
    """

    context: BuildContext
    plan: Plan
    keys: PairKeys
    shown: list[int]
    stored_index: EmbeddingIndex
    tokens: dict[str, str]


def prepare(opened: Opened) -> Prepared:
    """Complete the settings and the prompts, embed the source images and plan the pairs.

    Raises:
        UserError: The model or the images do not allow what is asked for.
    """
    source, family = opened.source, opened.family
    config = resolve(opened.config, family)
    prompts = complete_prompts(opened.prompts, config, source, family)
    index = _embed(config, source, opened.backbone)
    exact = config.index_factory == FLAT
    stored = index if exact else index.stored_as(config.index_factory)
    plan = plan_pairs(opened, config, index)
    logger.info(
        "plan: %d pairs of %d images and %d classes in %d shards",
        len(plan), len(source), len(source.class_names), plan.num_shards,
    )  # fmt: skip
    context = BuildContext(
        config, source, family, opened.backbone, index, prompts.prompts, prompts.captions
    )
    shown = preview_pairs(len(plan), config.preview)
    return Prepared(context, plan, context.keys(plan), shown, stored, prompts.tokens)


def resolve(config: BuildConfig, family: Family) -> BuildConfig:
    """Fill in what the model decides, and refuse what it cannot do.

    Raises:
        UserError: The model cannot take the resolution, a noise ratio runs no step, or not even
            one row fits into memory.
    """
    steps, guidance = config.num_inference_steps, config.guidance_scale
    resolved = replace(
        config,
        resolution=config.resolution or family.resolution,
        num_inference_steps=family.default_num_inference_steps if steps is None else steps,
        guidance_scale=family.default_guidance_scale if guidance is None else guidance,
    )
    side = resolved.resolution
    try:
        family.latent_shape(torch.zeros(1, 3, side, side, dtype=torch.uint8))
        _check_steps(family, resolved.steps, resolved.sweep_ratios[0])
    except ValueError as error:
        raise UserError(str(error)) from error
    if resolved.previews:
        _check_preview(resolved, family)
    return replace(resolved, batch_size=resolved.batch_size or find_batch_size(family, side))


def _check_steps(family: Family, num_inference_steps: int, noise_ratio: float) -> None:
    """Refuse a grid of so few steps that the smallest noise ratio runs none of them."""
    first_index(with_timesteps(family.scheduler, num_inference_steps).timesteps, noise_ratio)


def _check_preview(config: BuildConfig, family: Family) -> None:
    """Refuse a preview that costs more than it saves, or runs no step for some noise ratio.

    Raises:
        UserError: `ada_steps` is too large or too small.
    """
    if config.ada_steps >= config.steps:
        raise UserError(
            f"a preview of ada_steps {config.ada_steps} saves nothing with num_inference_steps "
            f"{config.steps}: give fewer, or --ada full"
        )
    try:
        _check_steps(family, config.ada_steps, config.noise_ratios[0])
    except ValueError as error:
        raise UserError(f"ada_steps {config.ada_steps} is too few: {error}") from error


def _embed(config: BuildConfig, source: Source, backbone: Backbone) -> EmbeddingIndex:
    """Embed the source images, or look them up in the cache that banks share."""
    if not config.cache:
        return embed_sources(source, backbone, config.resolution)
    cached = CachedBackbone(backbone, config.cache / "embeddings")
    index = embed_sources(source, cached, config.resolution)
    logger.info("embeddings: %d of %d images were cached", cached.num_hits, len(source))
    return index


def embed_sources(source: Source, backbone: Backbone, resolution: int) -> EmbeddingIndex:
    """Embed every source image; ids are rows of the source."""
    index = EmbeddingIndex(backbone.dimension)
    starts = range(0, len(source), _BLOCK)
    blocks = [range(start, min(start + _BLOCK, len(source))) for start in starts]
    quiet = None if logger.isEnabledFor(logging.INFO) else True  # None: only on a terminal
    for rows in tqdm(blocks, desc="embed sources", unit="block", disable=quiet):
        originals = [source.image(row) for row in rows]
        images = torch.stack([fit_to(image, resolution) for image in originals])
        ids, digests = np.asarray(rows, dtype=np.int64), [source_digest(x) for x in originals]
        index.add(backbone(images), ids, source.labels[list(rows)], digests)
    return index


def plan_pairs(opened: Opened, config: BuildConfig, index: EmbeddingIndex) -> Plan:
    """Plan the (image, target) pairs of a build.

    Raises:
        UserError: No pair is left, or there are more than a plan holds.
    """
    source, confusion = opened.source, opened.confusion
    names, (strategy, count) = source.class_names, parse_pairs(config.pairs)
    index.centroids()  # refuses a class without images, whatever the strategy
    ranking = None
    if strategy == "nearest":
        ranking = index.class_ranking(min(count or 1, len(names) - 1))
    if strategy == "confusion":
        ranking = index.class_ranking()
        confusion = knn_confusion(index) if confusion is None else confusion
    return make_plan(
        source.labels,
        len(names),
        pairs=config.pairs,
        max_pairs=config.max_pairs or None,
        per_class=config.per_class or None,
        only_classes=[names.index(name) for name in config.only_classes] or None,
        max_class_size=config.max_class_size or None,
        variations=config.variations,
        confusion=confusion,
        seed=config.seed,
        pairs_per_shard=config.pairs_per_shard,
        ranking=ranking,
        same_class=config.same_class,
    )


def preview_pairs(num_pairs: int, count: int) -> list[int]:
    """Choose the pairs of the contact sheet, spread evenly over the plan, by position in it."""
    count = min(count, num_pairs)
    return [k * num_pairs // count for k in range(count)]
