"""One shard of a build: some pairs of the plan become rows of the bank.

A shard is the unit of work. Its rows follow from the settings and its pairs alone, not from other
shards, so shards may run in any order, in any process, and again after an interruption.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from genie_transforms import UserError, source_digest
from genie_transforms.format import encode_image
from index.config import BuildConfig
from index.embed import Embeddings
from index.plan import Plan
from index.sources import fit_to

from .ada import Ada
from .candidates import Negative
from .context import BuildContext
from .generation import Generation, PairRequest
from .quality import quality_columns

BLANK_SPREAD = 4.0
"""An image whose pixels spread less than this, in levels of 255, is marked as blank."""


NO_LINE = "the source is embedded where the target's centroid is"
"""Why a pair fails that no other seed can help."""


@dataclass
class ShardResult:
    """Rows of a shard, and what they cost.

    Attributes:
        rows: One dict a pair, in the columns of a bank.
        positions: Position of each row's pair in the plan.
        embeddings: For each row ``(R + 1, D)`` float32: what r* was chosen from and, behind it,
            the chosen image.
        failures: Source row, target, variation, reason, number of seeds that were tried and the
            reason of each, of each pair that could not be made.
        repeated: The same of each pair that was made, but not with its first seed.
        network_rows: Rows that went through the denoiser, guidance counted.
        seconds: Duration of each stage.
        ada: How r* were found, see `ada.Counts`.
        sweeps: For each position that was asked for: its row, and the source followed by the
            sweep, ``(1 + R, 3, H, W)`` uint8.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    embeddings: list[Embeddings] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    repeated: list[dict[str, Any]] = field(default_factory=list)
    network_rows: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    ada: dict[str, int] = field(default_factory=dict)
    sweeps: dict[int, tuple[dict[str, Any], Tensor]] = field(default_factory=dict)

    def stats(self) -> dict[str, Any]:
        """Return what the shard's stats file holds."""
        return {
            "failures": self.failures,
            "repeated": self.repeated,
            "network_rows": self.network_rows,
            "ada": self.ada,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
        }


def run_shard(
    context: BuildContext,
    plan: Plan,
    keep_sweeps_of: Sequence[int] = (),
    first_seeds: Mapping[int, int] | None = None,
) -> ShardResult:
    """Make the hard negatives of some pairs.

    Args:
        context: What every shard needs.
        plan: The pairs.
        keep_sweeps_of: Positions in `plan` whose whole sweep is wanted.
        first_seeds: With which seed to begin, by position in `plan`; the first if not given. Those
            before gave bad output in an earlier run.

    Returns:
        Rows in the order of the plan, failures, and what they cost.
    """
    generation = _read_sources(context, plan, first_seeds or {})
    ada = Ada(context, plan, generation)

    pairs = list(zip(plan.sources.tolist(), plan.targets.tolist(), strict=True))
    # Left out before anything is generated: `projections` would raise, and end the whole shard.
    no_line = {position for position, pair in enumerate(pairs) if not context.has_line(*pair)}
    negatives = ada.negatives([p for p in range(len(pairs)) if p not in no_line])
    reasons = generation.failures | dict.fromkeys(no_line, NO_LINE)

    result = ShardResult(
        network_rows=generation.network_rows, seconds=generation.seconds, ada=asdict(ada.counts)
    )
    with generation.stage("select"):
        for position, (source, target) in enumerate(pairs):
            tried = {
                "source": source,
                "target": target,
                "variation": int(plan.variations[position]),
                "attempts": generation.attempts.get(position, 0),
                "reasons": generation.reasons.get(position, []),
            }
            if position not in negatives:
                result.failures.append({**tried, "reason": reasons[position]})
                continue
            if tried["reasons"]:
                result.repeated.append(tried)
            negative, request = negatives[position], generation.pairs[position]
            row = _row(context, source, target, request, negative)
            result.rows.append(row)
            result.positions.append(position)
            result.embeddings.append(_embeddings(negative))
            if position in keep_sweeps_of:
                original = generation.images[request.place]
                result.sweeps[position] = row, _sweep(context.config, original, negative)
    return result


def _read_sources(context: BuildContext, plan: Plan, first: Mapping[int, int]) -> Generation:
    """Read the images of some pairs, and prepare to generate from them."""
    start = time.perf_counter()
    # Each image once, however many targets it has: it is also encoded once.
    rows, places = np.unique(plan.sources, return_inverse=True)
    originals = [context.source.image(int(row)) for row in rows]
    # Of the pixels as they are on disk, by convert("RGB"), which does not scale 16 bits: that is
    # the image which a training loop will ask for.
    digests = [source_digest(image.convert("RGB")) for image in originals]
    _check_unchanged(context, rows.tolist(), digests)
    images = torch.stack([fit_to(image, context.config.resolution) for image in originals])
    pairs = [
        PairRequest(
            place=int(place),
            digest=digests[place],
            target=context.source.class_names[target],
            prompt=context.prompt(int(source), int(target), int(variation)),
            variation=int(variation),
        )
        for source, place, target, variation in zip(
            plan.sources, places, plan.targets, plan.variations, strict=True
        )
    ]
    generation = Generation(context.config, context.family, images, pairs, first)
    generation.seconds["read"] += time.perf_counter() - start
    return generation


def _check_unchanged(context: BuildContext, rows: Sequence[int], digests: Sequence[str]) -> None:
    """Refuse images that are no longer those that were embedded: r* would be another image's.

    Raises:
        UserError: Names one.
    """
    for row, digest in zip(rows, digests, strict=True):
        if context.index.digests[row] not in ("", digest):
            raise UserError(
                f"{context.source.ids[row]} has changed since it was embedded: run the same "
                "command again, and it is embedded again"
            )


def _row(
    context: BuildContext, source: int, target: int, request: PairRequest, negative: Negative
) -> dict[str, Any]:
    """Describe a hard negative in the columns of a bank."""
    config, considered = context.config, negative.considered
    image = _stored(negative.image, config)
    row = {
        "image": encode_image(image, config.image_format),
        "source_digest": request.digest,
        "noise_ratio": negative.noise_ratio,
        "noise_ratios": list(considered.noise_ratios),
        "projections": considered.projections.tolist(),
        "prompt": request.prompt,
        "seed": negative.seed,
        "method": config.method,
        "blank": float(image.float().std()) < BLANK_SPREAD,
        # No shard knows the others' rows: marked when all are there.
        "near_duplicate": False,
        "stale": False,
        **quality_columns(context, source, target, negative.embedding),
    }
    if config.keep_sweep:
        swept = [_stored(one, config) for one in considered.generated.images]
        row["sweep"] = [encode_image(one, config.image_format) for one in swept]
    return row


def _embeddings(negative: Negative) -> Embeddings:
    """Stack what r* was chosen from and the chosen image, ``(R + 1, D)`` float32."""
    # With the chosen one twice where it is one of them: a preview's X_{r*} is not the one in full,
    # and whoever reads the file need not know which way r* was found.
    return np.concatenate([negative.considered.embeddings, negative.embedding[None]])


def _sweep(config: BuildConfig, original: Tensor, negative: Negative) -> Tensor:
    """Stack a source and its sweep, the chosen image in full, ``(1 + R, 3, H, W)`` uint8."""
    considered = negative.considered
    images = dict(zip(considered.noise_ratios, considered.generated.images, strict=True))
    images[negative.noise_ratio] = negative.image
    return torch.stack([original, *(images[ratio] for ratio in config.sweep_ratios)])


def _stored(image: Tensor, config: BuildConfig) -> Tensor:
    """Return an image at the size that the bank stores."""
    if config.store_resolution in (0, image.shape[-1]):
        return image
    resized: Tensor = VF.resize(image, [config.store_resolution] * 2, antialias=True)
    return resized
