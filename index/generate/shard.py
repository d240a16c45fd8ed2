"""One shard of work: sweep, embed, select, rows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from genie_transforms import source_digest
from genie_transforms.format import encode_image
from index.config import BuildConfig
from index.embed import Embeddings
from index.plan import Plan
from index.sources import fit_to

from .ada import Ada, Negative
from .context import BuildContext
from .generation import Generation, PairRequest
from .quality import quality_columns

BLANK_SPREAD = 4.0
"""An image whose pixels spread less than this, in levels of 255, is marked as blank."""


_ON_CENTROID = "the source is embedded where the target's centroid is"


@dataclass
class ShardResult:
    """Rows of a shard and what it took.

    Attributes:
        rows: One dict a pair, in the columns of a bank.
        positions: Place of each row's pair in the plan.
        embeddings: For each row ``(R + 1, D)`` float32: what r* was chosen from and, behind it,
            the chosen image.
        failures: Source row, target and reason of each pair that gave no image.
        network_rows: Rows that went through the denoiser, guidance counted.
        seconds: Duration of each stage.
        ada: How r* were found, see `ada.Counts`.
        sweeps: For each position that was asked for: its row, and the source followed by the
            sweep, ``(1 + R, 3, H, W)`` uint8; black where the build did not look.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    embeddings: list[Embeddings] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    network_rows: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    ada: dict[str, int] = field(default_factory=dict)
    sweeps: dict[int, tuple[dict[str, Any], Tensor]] = field(default_factory=dict)

    def stats(self) -> dict[str, Any]:
        """Give what the shard's stats file holds."""
        return {
            "failures": self.failures,
            "network_rows": self.network_rows,
            "ada": self.ada,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
        }


def run_shard(context: BuildContext, plan: Plan, keep_sweeps_of: Sequence[int] = ()) -> ShardResult:
    """Make the hard negatives of some pairs.

    Args:
        context: What every shard needs.
        plan: The pairs.
        keep_sweeps_of: Positions in `plan` whose whole sweep is wanted.

    Returns:
        Rows in the order of the plan, failures, and what it took.
    """
    start = time.perf_counter()
    rows, places = np.unique(plan.sources, return_inverse=True)
    originals = [context.source.image(int(row)) for row in rows]
    digests = [source_digest(image) for image in originals]
    images = torch.stack([fit_to(image, context.config.resolution) for image in originals])
    pairs = [
        PairRequest(
            int(place),
            digests[place],
            context.source.class_names[target],
            context.prompt(source, target),
            int(variation),
        )
        for source, place, target, variation in zip(
            plan.sources, places, plan.targets, plan.variations, strict=True
        )
    ]
    generation = Generation(context.config, context.family, images, pairs)
    generation.seconds["read"] += time.perf_counter() - start

    without_line = _without_line(context, plan)
    ada = Ada(context, plan, generation)
    made = ada.negatives([p for p in range(len(plan)) if p not in without_line])
    reasons = generation.failures | dict.fromkeys(without_line, _ON_CENTROID)

    result = ShardResult(
        network_rows=generation.network_rows, seconds=generation.seconds, ada=asdict(ada.counts)
    )
    start = time.perf_counter()
    for position in range(len(plan)):
        source, target = int(plan.sources[position]), int(plan.targets[position])
        if position not in made:
            failure = {"source": source, "target": target, "reason": reasons[position]}
            result.failures.append(failure)
            continue
        negative, pair = made[position], pairs[position]
        row = _row(context, source, target, negative)
        row["source_digest"] = pair.digest
        result.rows.append(row)
        result.positions.append(position)
        result.embeddings.append(
            np.concatenate([negative.looked.embeddings, negative.embedding[None]])
        )
        if position in keep_sweeps_of:
            result.sweeps[position] = row, _strip(context.config, images[pair.place], negative)
    result.seconds["select"] += time.perf_counter() - start
    return result


def _without_line(context: BuildContext, plan: Plan) -> set[int]:
    """Find pairs whose source lies on the target's centroid: Algorithm 1 has no line to walk."""
    if context.config.same_class:
        return set()
    pairs = zip(plan.sources.tolist(), plan.targets.tolist(), strict=True)
    return {
        position
        for position, (source, target) in enumerate(pairs)
        if np.array_equal(context.index.embedding(source), context.index.centroid(target))
    }


def _row(context: BuildContext, source: int, target: int, negative: Negative) -> dict[str, Any]:
    """Describe a hard negative in the columns of a bank."""
    config, looked = context.config, negative.looked
    image = _stored(negative.image, config)
    row = {
        "image": encode_image(image, config.image_format),
        "noise_ratio": negative.final.noise_ratio,
        "noise_ratios": list(looked.ratios),
        "projections": looked.projections.tolist(),
        "prompt": context.prompt(source, target),
        "seed": negative.final.generated.seed,
        "method": config.method,
        "blank": float(image.float().std()) < BLANK_SPREAD,
        "near_duplicate": False,  # marked when all rows are there
        "stale": False,
        **quality_columns(context, source, target, negative.embedding),
    }
    if config.keep_sweep:
        swept = [_stored(x, config) for x in looked.generated.images]
        row["sweep"] = [encode_image(x, config.image_format) for x in swept]
    return row


def _strip(config: BuildConfig, original: Tensor, negative: Negative) -> Tensor:
    """Give a source and its sweep, the chosen one in full, ``(1 + R, 3, H, W)`` uint8."""
    seen = dict(zip(negative.looked.ratios, negative.looked.generated.images, strict=True))
    seen[negative.final.noise_ratio] = negative.image
    black = torch.zeros_like(original)
    return torch.stack([original, *(seen.get(ratio, black) for ratio in config.sweep_ratios)])


def _stored(image: Tensor, config: BuildConfig) -> Tensor:
    if config.store_resolution in (0, image.shape[-1]):
        return image
    resized: Tensor = VF.resize(image, [config.store_resolution] * 2, antialias=True)
    return resized
