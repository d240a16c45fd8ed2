"""Every pair of the pool made again with other noise, for arms that need more images of a class."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genie_transforms.format import Manifest
from index.build import build
from index.config import BuildConfig

from .images import EvaluatedImages, Repeats, cached
from .pool import Pool, common_build, few_shot_set, network_rows_of
from .ratios import FIXED
from .sweeps import decoded_rows

_SEED = 1  # the pool has the images of base seed 0


def make_repeats(pool: Pool, method: Literal["txt2img", "genie"], more: int) -> Repeats:
    """Make every pair of the pool again, or read what was made.

    Args:
        pool: It has one image of each pair.
        method: Txt2Img, or GeNIe at r = 0.8.
        more: How often each pair is made again.

    Raises:
        ValueError: A pair gave no image.
    """
    ratio, work = 1.0 if method == "txt2img" else FIXED, pool.config.work
    bank = build(
        BuildConfig(
            out=work / f"{method}-again",
            method=method,
            noise_ratio=FIXED,  # txt2img starts from noise, whatever this says
            variations=more,
            seed=_SEED,
            **common_build(pool.config),
        )
    )
    support_ids = few_shot_set(pool.config).support_ids
    images = read_pairs(bank, support_ids, len(pool.class_names), more)
    key = hashlib.sha256(images.numpy().tobytes()).hexdigest() + pool.digest
    again = cached(work / f"{method}-again-seen.npz", key, partial(_evaluate, images, pool))
    place = pool.place(ratio)
    counts = Manifest.read(bank).counts
    first = pool.swept
    hits = np.concatenate([first.hits[:, :, [place]], again["hits"]], 2)
    return Repeats(
        ratio,
        EvaluatedImages(
            torch.cat([first.images[:, :, [place]], images], 2),
            np.concatenate([first.embeddings[:, :, [place]], again["embeddings"]], 2),
            hits,
            np.full(hits.shape, np.nan),
        ),
        network_rows_of(ratio, pool.config.num_inference_steps),
        None if counts["reused"] else counts["network_rows"] / counts["rows"],
    )


def with_repeats(pool: Pool) -> Pool:
    """Return the pool with every image of Txt2Img twice, and another digest."""
    again = make_repeats(pool, "txt2img", 1)
    content = hashlib.sha256(again.generated.images.numpy().tobytes()).hexdigest()
    digest = hashlib.sha256(f"{pool.digest} {content}".encode()).hexdigest()
    return replace(pool, again=again, digest=digest)


def read_pairs(bank: Path, source_ids: Sequence[str], num_classes: int, variations: int) -> Tensor:
    """Read a bank of every image towards every other class, `variations` times each.

    Returns:
        ``(S, C, V, 3, H, W)`` uint8, S in the order of `source_ids`; black where the target is
        the source's own class.

    Raises:
        ValueError: A pair gave no image.
    """
    places = {name: place for place, name in enumerate(source_ids)}
    expected = len(places) * (num_classes - 1) * variations
    columns = ["source_id", "label", "image"]
    made: defaultdict[tuple[int, int], list[Tensor]] = defaultdict(list)
    for row in decoded_rows(bank, columns, expected=expected):
        made[places[row["source_id"]], row["label"]].append(row["image"])  # variations in order
    one = next(iter(made.values()))[0]
    images = one.new_zeros((len(places), num_classes, variations, *one.shape))
    for pair, of_pair in made.items():
        images[pair] = torch.stack(of_pair)
    return images


def _evaluate(images: Tensor, pool: Pool) -> dict[str, npt.NDArray[Any]]:
    """Embed images and show them to the oracle."""
    flat, axes = images.flatten(0, 2), tuple(images.shape[:3])
    predicted = np.array(few_shot_set(pool.config).names_of(flat)).reshape(axes)
    hits = predicted == np.array(pool.class_names)[None, :, None]
    return {"embeddings": pool.backbone(flat).reshape(*axes, -1), "hits": hits}
