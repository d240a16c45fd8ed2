"""All that is decided before a build runs: settings, embeddings, pairs, and their description."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from genie_transforms import source_digest
from index.config import BuildConfig
from index.diffusion import Family, find_batch_size, with_timesteps
from index.diffusion.sampling import first_index
from index.embed import Backbone, EmbeddingIndex
from index.plan import Plan, knn_confusion, make_plan, read_confusion
from index.sources import Source, fit_to


def resolve(config: BuildConfig, family: Family) -> BuildConfig:
    """Fill in what the model decides, and refuse what it cannot do.

    Raises:
        ValueError: The model cannot take the resolution, a noise ratio runs no step, or not even
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
    family.latent_shape(torch.zeros(1, 3, side, side, dtype=torch.uint8))
    first_index(
        with_timesteps(family.scheduler, resolved.steps).timesteps, resolved.sweep_ratios[0]
    )
    if resolved.method == "genie-ada" and resolved.ada != "full":
        _check_preview(resolved, family)
    return replace(resolved, batch_size=resolved.batch_size or find_batch_size(family, side))


def _check_preview(config: BuildConfig, family: Family) -> None:
    """Refuse a preview that costs more than it saves, or runs no step for some noise ratio.

    Raises:
        ValueError: `ada_steps` is too large or too small.
    """
    if config.ada_steps >= config.steps:
        raise ValueError(
            f"a preview of ada_steps {config.ada_steps} saves nothing with num_inference_steps "
            f"{config.steps}: give fewer, or --ada full"
        )
    try:
        first_index(
            with_timesteps(family.scheduler, config.ada_steps).timesteps, config.noise_ratios[0]
        )
    except ValueError as error:
        raise ValueError(f"ada_steps {config.ada_steps} is too few: {error}") from error


def plan_pairs(config: BuildConfig, source: Source, index: EmbeddingIndex) -> Plan:
    """Plan the (image, target) pairs of a build.

    Raises:
        ValueError: The plan asks for classes or numbers that make no sense.
    """
    names = source.class_names
    unknown = sorted(set(config.only_classes) - set(names))
    if unknown:
        raise ValueError(f"only_classes {unknown} are none of the classes, {names[:10]} …")
    confusion = None
    if config.pairs.startswith("confusion"):
        read = config.confusion
        confusion = read_confusion(Path(read), names) if read else knn_confusion(index)
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
        ranking=index.class_ranking(),
        same_class=config.same_class,
    )


def embed_sources(source: Source, backbone: Backbone, resolution: int) -> EmbeddingIndex:
    """Embed every source image; ids are rows of the source."""
    index = EmbeddingIndex(backbone.dimension)
    blocks = [range(k, min(k + 256, len(source))) for k in range(0, len(source), 256)]
    for rows in tqdm(blocks, desc="embed sources", unit="block", disable=None):
        originals = [source.image(row) for row in rows]
        images = torch.stack([fit_to(image, resolution) for image in originals])
        ids, digests = np.asarray(rows, dtype=np.int64), [source_digest(x) for x in originals]
        index.add(backbone(images), ids, source.labels[list(rows)], digests)
    return index
