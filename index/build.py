"""Build a bank: `python -m index.build`."""

from __future__ import annotations

import hashlib
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from torchvision.io import ImageReadMode, decode_image
from tqdm import tqdm

from genie_transforms._dataset import source_digest

from .config import BuildConfig
from .confusion import knn_confusion, read_confusion
from .demo.weights import ORACLE, PIPELINE, oracle_names
from .diffusion.families import Family, load_family
from .diffusion.solver import first_index, prepared
from .embed import Backbone, load_backbone
from .neighbors import EmbeddingIndex
from .plan import Plan, make_plan
from .prompts import check_prompts, make_prompts, read_class_names
from .r_star import RStarCache, scope_of
from .report.card import write_card
from .report.preview import save_strip, write_preview
from .report.summary import summarize
from .shards import claim, finalize, finished_shards, read_table, write_shard
from .sources import Source, open_source
from .worker import Workshop, fit_to, run_shard

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
    family = load_family(
        config.model or str(PIPELINE),
        revision=config.revision,
        variant=config.variant,
        dtype=config.dtype,
        device=config.device,
        scheduler=config.scheduler,
        lora=config.lora,
    )
    config = resolve(config, family)
    names = source.class_names
    displayed = read_class_names(Path(config.class_names), names) if config.class_names else names
    prompts = make_prompts(config.prompt, displayed, agree=config.agree)
    check_prompts(prompts, family.num_tokens, family.max_tokens)
    backbone = load_backbone(config.backbone, device=config.device)
    index = embed_sources(source, backbone, config.resolution)
    plan = plan_pairs(config, source, index)
    logger.info(
        "plan: %d pairs of %d images and %d classes in %d shards",
        len(plan), len(source), len(names), plan.num_shards,
    )  # fmt: skip
    if config.dry_run:
        return config.out

    description = describe(config, family, backbone, prompts, plan)
    claim(config.out, description)
    shop = Workshop(config, source, family, backbone, index, prompts)
    run_shards(shop, plan)

    record_choices(index, config, names, description)
    index.save(config.out / "index")
    write_card(config.out, source.kind, len(source), len(names), description)
    strips = preview_pairs(len(plan), config.preview)
    write_preview(config.out, strips, config.sweep_ratios)
    finalize(config.out, names, description, len(plan))
    seen = oracle_names(stored_images(config.out)) if _has_oracle(config) else None
    print(summarize(config.out, time.perf_counter() - start, seen))
    return config.out


def resolve(config: BuildConfig, family: Family) -> BuildConfig:
    """Fill in what the model decides, and refuse what it cannot do.

    Raises:
        ValueError: The model cannot take the resolution, or a noise ratio runs no step.
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
    grid = prepared(family.scheduler, resolved.num_inference_steps or 1).timesteps
    first_index(grid, resolved.sweep_ratios[0])
    return resolved


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
        same_class=config.method == "img2img",
    )


def describe(
    config: BuildConfig, family: Family, backbone: Backbone, prompts: Sequence[str], plan: Plan
) -> dict[str, Any]:
    """Give recipe, fingerprint and plan, ready for JSON: what a build may not change midway."""
    pairs = np.stack([plan.sources, plan.targets, plan.variations]).astype("<i8").tobytes()
    return {
        "recipe": config.recipe(),
        "fingerprint": {
            "model": {**family.fingerprint(), "model": config.model or "demo"},
            "backbone": backbone.fingerprint(),
            "prompts_sha256": hashlib.sha256("\n".join(prompts).encode()).hexdigest(),
            "seeds": "sha256(source digest, target, variation, base seed, attempt)",
            "preprocessing": "shorter side resized with antialiasing, centre cropped",
        },
        "plan": {"pairs": len(plan), "sha256": hashlib.sha256(pairs).hexdigest()},
    }


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


def record_choices(
    index: EmbeddingIndex, config: BuildConfig, names: Sequence[str], description: dict[str, Any]
) -> None:
    """Keep every r* that was chosen in the index, by source digest and name of the target."""
    index.r_stars = RStarCache(scope_of(description["recipe"], description["fingerprint"]))
    if config.method == "genie-ada":
        table = read_table(config.out, ["source_digest", "label", "noise_ratio"])
        for row in table.to_pylist():
            ratio = round(row["noise_ratio"], 6)  # stored in single precision
            index.record_r_star(row["source_digest"], names[row["label"]], ratio)


def run_shards(shop: Workshop, plan: Plan) -> None:
    """Run the shards that are not finished, one after the other."""
    config, size = shop.config, shop.config.pairs_per_shard
    finished = finished_shards(config.out)
    if finished:
        logger.info("continue: %d of %d shards are finished", len(finished), plan.num_shards)
    wanted = preview_pairs(len(plan), config.preview)
    done = sum(len(plan.shard(number)) for number in finished)
    with tqdm(total=len(plan), initial=done, desc="pairs", unit="pair", disable=None) as bar:
        for number in range(plan.num_shards):
            if number in finished:
                continue
            part = plan.shard(number)
            shown = [pair - number * size for pair in wanted if pair // size == number]
            result = run_shard(shop, part, shown)
            for position, (row, images) in result.sweeps.items():
                save_strip(
                    config.out,
                    number * size + position,
                    images,
                    source=shop.source.class_names[row["source_label"]],
                    target=shop.source.class_names[row["label"]],
                    noise_ratio=row["noise_ratio"],
                )
            write_shard(
                config.out,
                number,
                plan.num_shards,
                result.rows,
                shop.source.class_names,
                result.stats(),
                keep_sweep=config.keep_sweep,
            )
            bar.update(len(part))


def preview_pairs(num_pairs: int, count: int) -> list[int]:
    """Choose pairs for the contact sheet, evenly over the plan."""
    count = min(count, num_pairs)
    return [k * num_pairs // count for k in range(count)]


def stored_images(out: Path) -> torch.Tensor:
    """Decode every image of a small bank, ``(N, 3, H, W)`` uint8."""
    cells = read_table(out, ["image"])["image"].to_pylist()
    data = [np.frombuffer(cell["bytes"], dtype=np.uint8).copy() for cell in cells]
    return torch.stack([decode_image(torch.from_numpy(d), ImageReadMode.RGB) for d in data])


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
