"""GeNIe and Txt2Img with fewer or more images for each class than the table's arms have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from benchmarks.episodes import (
    FIXED,
    Episode,
    Pool,
    cached,
    common_build,
    cross_class_pairs,
    few_shot_set,
    network_rows_of,
    read_pairs,
)
from benchmarks.few_shot import BASELINE, Added, Arm
from genie_transforms.format import Manifest
from index.build import build
from index.config import BuildConfig

REPEATED = {BASELINE: 1.0, "genie": FIXED}
"""r of the methods that make the pool's pairs repeatedly."""

_SEED = 1  # the pool has the images of base seed 0


@dataclass(frozen=True)
class Repeats:
    """Images of every pair at one r, each with other noise.

    Attributes:
        noise_ratio: r.
        embeddings: ``(S, C, V, D)`` float32, unit norm: support image, target, variation.
        hits: The oracle sees the target, ``(S, C, V)`` bool.
        network_rows: Rows that each image sends through the denoiser, guidance counted.
        counted: The same, as its bank counted it; None if it reused pairs of another bank.
    """

    noise_ratio: float
    embeddings: npt.NDArray[np.float32]
    hits: npt.NDArray[np.bool_]
    network_rows: float
    counted: float | None = None


def make_repeats(pool: Pool, method: str, more: int) -> Repeats:
    """Make every pair of the pool again, or read what was made.

    Args:
        pool: It has one image of each pair.
        method: One of `REPEATED`.
        more: How often each pair is made again.

    Raises:
        ValueError: A pair gave no image.
    """
    ratio, work = REPEATED[method], pool.config.work
    bank = build(
        BuildConfig(
            out=work / f"{method}-again",
            method="txt2img" if method == BASELINE else "genie",
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
    return Repeats(
        ratio,
        np.concatenate([pool.swept.embeddings[:, :, [place]], again["embeddings"]], 2),
        np.concatenate([pool.swept.hits[:, :, [place]], again["hits"]], 2),
        network_rows_of(ratio, pool.config.num_inference_steps),
        None if counts["reused"] else counts["network_rows"] / counts["rows"],
    )


def _evaluate(images: Tensor, pool: Pool) -> dict[str, npt.NDArray[Any]]:
    """Embed images and show them to the oracle."""
    flat, axes = images.flatten(0, 2), tuple(images.shape[:3])
    predicted = np.array(few_shot_set(pool.config).names_of(flat)).reshape(axes)
    hits = predicted == np.array(pool.class_names)[None, :, None]
    return {"embeddings": pool.backbone(flat).reshape(*axes, -1), "hits": hits}


def repeated(repeats: Repeats, per_class: int) -> Arm:
    """Return an arm that adds `per_class` images to each class.

    Sources are drawn at random for each class; a pair is repeated only after every pair has come.
    """

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        pairs, rng = cross_class_pairs(episode), np.random.default_rng(seed)
        variations = repeats.hits.shape[2]
        chosen: list[tuple[int, int, int]] = []
        for target, label in enumerate(episode.classes):
            sources = pairs.sources[pairs.targets == target]
            order = [
                (int(s), label, v) for v in range(variations) for s in rng.permutation(sources)
            ]
            if per_class > len(order):
                raise ValueError(
                    f"{per_class} images of a class are wanted, there are {len(order)}: make "
                    "them again more often"
                )
            chosen += order[:per_class]
        where = tuple(np.array(column) for column in zip(*chosen, strict=True))
        episode.check_sources(where[0])
        facts = {
            "oracle_accuracy": float(repeats.hits[where].mean()),
            "noise_ratio": repeats.noise_ratio,
            "network_rows": repeats.network_rows,
        }
        soft = np.eye(episode.n_way).repeat(per_class, 0)
        return Added(repeats.embeddings[where], soft, facts)

    return arm
