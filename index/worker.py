"""One shard of work: sweep, embed, select, rows."""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF

from genie_transforms._dataset import source_digest

from .centroids import Embeddings
from .config import BuildConfig
from .diffusion.families import Family
from .diffusion.noise import pair_seed
from .diffusion.sweep import SweepPair, sweep
from .embed import Backbone
from .neighbors import EmbeddingIndex
from .plan import Plan
from .selection import projections, select
from .sources import Source

DUPLICATE_SIMILARITY = 0.99
"""A negative at least this similar to its source is marked as a duplicate."""
MAX_ATTEMPTS = 3


def fit_to(image: Image.Image, size: int) -> Tensor:
    """Resize the shorter side and crop the centre, as the authors do: ``(3, size, size)`` uint8."""
    pixels: Tensor = VF.pil_to_tensor(image)
    if pixels.shape[1:] == (size, size):
        return pixels
    steps = v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size)])
    fitted: Tensor = steps(pixels)
    return fitted


@dataclass(frozen=True)
class Workshop:
    """What every shard of a build needs.

    Attributes:
        config: The build, with all that the model decides filled in.
        source: The source images.
        family: The diffusion model.
        backbone: Embeds images.
        index: Source embeddings (ids are rows of the source) and centroids.
        prompts: The prompt of each class.
    """

    config: BuildConfig
    source: Source
    family: Family
    backbone: Backbone
    index: EmbeddingIndex
    prompts: Sequence[str]


@dataclass
class Generated:
    """The sweep of one pair: its images ``(R, 3, H, W)`` uint8, or why there are none."""

    images: Tensor | None = None
    reason: str = ""
    seed: int = 0


@dataclass
class ShardResult:
    """Rows of a shard and what it took.

    Attributes:
        rows: One dict a pair, in the columns of a bank.
        failures: Source row, target and reason of each pair that gave no image.
        network_rows: Rows that went through the denoiser, guidance counted.
        seconds: Duration of each stage.
        sweeps: For each position that was asked for: its row, and the source followed by the
            sweep, ``(1 + R, 3, H, W)`` uint8.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    network_rows: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    sweeps: dict[int, tuple[dict[str, Any], Tensor]] = field(default_factory=dict)

    def stats(self) -> dict[str, Any]:
        """Give what the shard's stats file holds."""
        return {
            "failures": self.failures,
            "network_rows": self.network_rows,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
        }


def run_shard(shop: Workshop, plan: Plan, keep_sweeps_of: Sequence[int] = ()) -> ShardResult:
    """Make the hard negatives of some pairs.

    Args:
        shop: What every shard needs.
        plan: The pairs.
        keep_sweeps_of: Positions in `plan` whose whole sweep is wanted.

    Returns:
        Rows in the order of the plan, failures, and what it took.
    """
    result = ShardResult()
    start = time.perf_counter()
    rows, places = np.unique(plan.sources, return_inverse=True)
    originals = [shop.source.image(int(row)) for row in rows]
    digests = [source_digest(image) for image in originals]
    images = torch.stack([fit_to(image, shop.config.resolution) for image in originals])
    result.seconds["read"] += time.perf_counter() - start

    sweeps = _generate(shop, plan, images, places, digests, result)
    _refuse_without_line(shop, plan, sweeps)
    made = [sweep.images for sweep in sweeps if sweep.images is not None]
    start = time.perf_counter()
    embeddings = iter(_embed(shop, made))
    result.seconds["embed"] += time.perf_counter() - start

    start = time.perf_counter()
    for position, generated in enumerate(sweeps):
        source, target = int(plan.sources[position]), int(plan.targets[position])
        if generated.images is None:
            failure = {"source": source, "target": target, "reason": generated.reason}
            result.failures.append(failure)
            continue
        row = _choose(shop, source, target, generated.images, next(embeddings))
        row |= {"seed": generated.seed, "source_digest": digests[places[position]]}
        result.rows.append(row)
        if position in keep_sweeps_of:
            original = images[places[position]][None]
            result.sweeps[position] = row, torch.cat([original, generated.images])
    result.seconds["select"] += time.perf_counter() - start
    return result


def _refuse_without_line(shop: Workshop, plan: Plan, sweeps: Sequence[Generated]) -> None:
    """Mark pairs whose source lies on the target's centroid: Algorithm 1 has no line to walk."""
    if shop.config.method == "img2img":
        return
    for position, generated in enumerate(sweeps):
        source, target = int(plan.sources[position]), int(plan.targets[position])
        if np.array_equal(shop.index.embedding(source), shop.index.centroid(target)):
            generated.images = None
            generated.reason = "the source is embedded where the target's centroid is"


def _embed(shop: Workshop, sweeps: Sequence[Tensor]) -> list[Embeddings]:
    """Embed the sweeps of a shard in full batches, ``(R, D)`` float32 for each."""
    if not sweeps:
        return []
    return np.split(shop.backbone(torch.cat(list(sweeps))), len(sweeps))


def _add(total: defaultdict[str, float], seconds: dict[str, float]) -> None:
    for stage, value in seconds.items():
        total[stage] += value


def _generate(
    shop: Workshop,
    plan: Plan,
    images: Tensor,
    places: np.ndarray,
    digests: Sequence[str],
    result: ShardResult,
) -> list[Generated]:
    """Run the sweep of every pair; bad output gets a new sub-seed, a few times."""
    config, names = shop.config, shop.source.class_names
    done = [Generated() for _ in range(len(plan))]
    waiting = list(range(len(plan)))
    for attempt in range(MAX_ATTEMPTS):
        pairs = []
        for position in waiting:
            target, place = int(plan.targets[position]), int(places[position])
            variation = int(plan.variations[position])
            seed = pair_seed(digests[place], names[target], variation, config.seed, attempt)
            done[position].seed = seed
            pairs.append(SweepPair(place, shop.prompts[target], config.sweep_ratios, seed))
        swept = sweep(
            shop.family,
            images,
            pairs,
            num_inference_steps=config.num_inference_steps or 1,
            guidance_scale=config.guidance_scale or 0.0,
            negative_prompt=config.negative_prompt,
            noise=config.noise,
            batch_size=config.batch_size,
        )
        result.network_rows += swept.network_rows
        _add(result.seconds, swept.seconds)
        reasons: dict[int, str] = {}
        for (number, _), reason in swept.failures.items():
            reasons.setdefault(number, reason)
        for number, position in enumerate(waiting):
            if number in reasons:
                done[position].reason = reasons[number]
            else:
                done[position].images = swept.images[number]
        waiting = [position for position in waiting if done[position].images is None]
        if not waiting:
            break
    return done


def _choose(
    shop: Workshop, source: int, target: int, sweep_images: Tensor, embeddings: Embeddings
) -> dict[str, Any]:
    """Choose r* of one pair (Algorithm 1) and describe the chosen image."""
    config, ratios = shop.config, shop.config.sweep_ratios
    of_source = shop.index.embedding(source)
    if config.method == "img2img":  # source and target are one class: there is no line to walk
        distances, chosen = np.zeros(len(ratios)), 0
    else:
        distances = projections(embeddings, of_source, shop.index.centroid(target))
        chosen = int(select(distances, config.rule)) if config.method == "genie-ada" else 0
    cosines = shop.index.class_similarities(embeddings[chosen][None])[0]
    similarity = float(of_source @ embeddings[chosen])
    nearest = int(cosines.argmax())
    row = {
        "image": encode_image(_stored(sweep_images[chosen], config), config.image_format),
        "label": target,
        "source_label": int(shop.source.labels[source]),
        "source_id": shop.source.ids[source],
        "noise_ratio": ratios[chosen],
        "noise_ratios": list(ratios),
        "projections": distances.tolist(),
        "prompt": shop.prompts[target],
        "method": config.method,
        "target_similarity": float(cosines[target]),
        "nearest_class": nearest,
        "source_similarity": similarity,
        "on_target": nearest == target,
        "duplicate": similarity >= DUPLICATE_SIMILARITY,
    }
    if config.keep_sweep:
        row["sweep"] = [encode_image(_stored(x, config), config.image_format) for x in sweep_images]
    return row


def _stored(image: Tensor, config: BuildConfig) -> Tensor:
    if config.store_resolution in (0, image.shape[-1]):
        return image
    resized: Tensor = VF.resize(image, [config.store_resolution] * 2, antialias=True)
    return resized


def encode_image(image: Tensor, image_format: str) -> dict[str, Any]:
    """Encode ``(3, H, W)`` uint8 for the column `image`."""
    sink = io.BytesIO()
    picture = VF.to_pil_image(image)
    if image_format == "png":
        picture.save(sink, format="PNG")
    else:
        picture.save(sink, format="JPEG", quality=95)
    return {"bytes": sink.getvalue(), "path": None}
