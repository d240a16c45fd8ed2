"""Prepare a build: what the model decides, the embeddings of the images, and the plan."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from genie_transforms import UserError
from index.config import BuildConfig
from index.diffusion import Family, find_batch_size, with_timesteps
from index.diffusion.sampling import first_index
from index.embed import FLAT, Backbone, CachedBackbone, EmbeddingIndex
from index.generate import BuildContext
from index.plan import PairKeys, Plan, distinct_rows, knn_confusion, make_plan, parse_pairs
from index.sources import Source
from index.store import SourceBlocks

from .bad_images import BadImages, leave_out
from .embed import EmbedSources
from .open import Opened
from .prompts import complete_prompts
from .tasks import RunStage, run_here

logger = logging.getLogger("genie.build")

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Prepared:
    """All that is decided before a build runs.

    Attributes:
        context: What every shard needs.
        plan: All pairs.
        keys: The content key of each pair of the plan.
        shown: Positions in the plan of the pairs whose sweeps are wanted for `preview.png`.
        stored_index: The index as `--index-factory` stores it.
        embedded: The stage that embedded the images.
        bad: The images that could not be used.
        num_copies: Images that are not planned, for their class has the same pixels before.
    """

    context: BuildContext
    plan: Plan
    keys: PairKeys
    shown: list[int]
    stored_index: EmbeddingIndex
    embedded: EmbedSources
    bad: BadImages
    num_copies: int


def decide(opened: Opened) -> Opened:
    """Complete the settings and the prompts by what the model decides.

    Raises:
        UserError: The model does not allow what is asked for.
    """
    config = resolve(opened.config, opened.family)
    prompts = complete_prompts(opened.prompts, config, opened.source, opened.family)
    return replace(opened, config=config, prompts=prompts)


def prepare(decided: Opened, run_stage: RunStage = run_here) -> Prepared:
    """Embed the source images and plan the pairs.

    Args:
        decided: What `decide` returned.
        run_stage: Runs the stage that embeds.

    Raises:
        BadImageError: One cannot be used, and `on_bad_image` is error.
        UserError: The images do not allow what is asked for.
    """
    stage = embedding_stage(decided)
    run_stage(stage)
    bad = BadImages.of(decided.source, stage.problems())
    decided = leave_out(decided, bad)
    config, source, prompts = decided.config, decided.source, decided.prompts
    if isinstance(stage.backbone, CachedBackbone):
        hits = stage.backbone.num_hits
        logger.info("embeddings: %d of %d images were cached", hits, len(source))
    index = stage.index()
    exact = config.index_factory == FLAT
    stored = index if exact else index.stored_as(config.index_factory)
    distinct = distinct_rows(index.digests, source.labels, prompts.captions)
    plan = plan_pairs(decided, config, index, distinct)
    logger.info(
        "plan: %d pairs of %d images and %d classes in %d shards",
        len(plan), len(source), len(source.class_names), plan.num_shards,
    )  # fmt: skip
    context = BuildContext(
        config, source, decided.family, decided.backbone, index, prompts.prompts, prompts.captions
    )
    shown = preview_pairs(len(plan), config.preview)
    num_copies = len(source) - len(distinct)
    return Prepared(context, plan, context.keys(plan), shown, stored, stage, bad, num_copies)


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


def embedding_stage(decided: Opened) -> EmbedSources:
    """Return the stage that embeds the source images, or finds them in the cache of banks."""
    config, backbone = decided.config, decided.backbone
    # What decides an embedding beside the image: the backbone, and at which size it is shown.
    blocks = SourceBlocks(config.folder, [backbone.fingerprint(), config.resolution])
    if config.cache:
        backbone = CachedBackbone(backbone, config.cache / "embeddings")
    return EmbedSources(
        decided.source,
        backbone,
        config.resolution,
        blocks,
        keep=not config.dry_run,
        strict=config.on_bad_image == "error",
    )


def embed_sources(source: Source, backbone: Backbone, resolution: int) -> EmbeddingIndex:
    """Embed every source image, and keep nothing on disk; ids are rows of the source."""
    stage = EmbedSources(source, backbone, resolution)
    run_here(stage)
    return stage.index()


def plan_pairs(
    opened: Opened, config: BuildConfig, index: EmbeddingIndex, rows: Integers | None = None
) -> Plan:
    """Plan the (image, target) pairs of a build.

    Args:
        opened: What `decide` returned.
        config: The build.
        index: Embeddings and classes of all images.
        rows: The images that are planned, increasing; all if not given.

    Raises:
        UserError: No pair is left, or there are more than a plan holds.
    """
    source, confusion = opened.source, opened.confusion
    names, (strategy, count) = source.class_names, parse_pairs(config.pairs)
    present = np.flatnonzero(index.classes.counts).tolist()
    only = [names.index(name) for name in config.only_classes] or present
    if lost := [names[label] for label in only if label not in set(present)]:
        raise UserError(
            f"only_classes {lost[:3]} have no image that can be used: without a centroid they "
            "cannot be targets"
        )
    ranking = None
    if strategy == "nearest":
        ranking = index.class_ranking(min(count or 1, len(names) - 1))  # empty classes last
    if strategy == "confusion":
        ranking = index.class_ranking()
        confusion = knn_confusion(index) if confusion is None else confusion
    plan = make_plan(
        source.labels if rows is None else source.labels[rows],
        len(names),
        pairs=config.pairs,
        max_pairs=config.max_pairs or None,
        per_class=config.per_class or None,
        only_classes=only if len(only) < len(names) else None,
        max_class_size=config.max_class_size or None,
        variations=config.variations,
        confusion=confusion,
        seed=config.seed,
        pairs_per_shard=config.pairs_per_shard,
        ranking=ranking,
        same_class=config.same_class,
    )
    return plan if rows is None else replace(plan, sources=rows[plan.sources])


def preview_pairs(num_pairs: int, count: int) -> list[int]:
    """Choose the pairs of the contact sheet, spread evenly over the plan, by position in it."""
    count = min(count, num_pairs)
    return [k * num_pairs // count for k in range(count)]
