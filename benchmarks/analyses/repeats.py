"""GeNIe and Txt2Img with fewer or more pictures for each class than the table's arms have."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
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
    rows_of,
)
from benchmarks.few_shot import BASELINE, Added, Arm
from genie_transforms.format import Manifest
from index.build import build, stored_images
from index.config import BuildConfig
from index.store import read_table

RATIOS = {BASELINE: 1.0, "genie": FIXED}
"""r of what is made repeatedly."""


_SEED = 1  # the pool has the pictures of base seed 0


@dataclass(frozen=True)
class Repeats:
    """Pictures of every pair at one r, each with other noise.

    Attributes:
        noise_ratio: r.
        embeddings: ``(S, C, V, D)`` float32, unit norm: support image, target, variation.
        hits: The oracle sees the target, ``(S, C, V)`` bool.
        network_rows: Rows that each picture sends through the denoiser, guidance counted.
        counted: The same as its bank counted; None if pairs of another bank were reused.
    """

    noise_ratio: float
    embeddings: npt.NDArray[np.float32]
    hits: npt.NDArray[np.bool_]
    network_rows: float
    counted: float | None = None


def make_repeats(pool: Pool, method: str, more: int) -> Repeats:
    """Make every pair of the pool again, or read what was made.

    Args:
        pool: It has one picture of each pair.
        method: One of `RATIOS`.
        more: How often each pair is made again.

    Raises:
        ValueError: A pair gave no picture.
    """
    ratio, work = RATIOS[method], pool.config.work
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
    images = read_pairs(bank, len(pool.class_names), more)
    key = hashlib.sha256(images.numpy().tobytes()).hexdigest() + pool.digest
    again = cached(work / f"{method}-again-seen.npz", key, partial(_look, images, pool))
    place = pool.place(ratio)
    counts = Manifest.read(bank).counts
    return Repeats(
        ratio,
        np.concatenate([pool.swept.embeddings[:, :, [place]], again["embeddings"]], 2),
        np.concatenate([pool.swept.hits[:, :, [place]], again["hits"]], 2),
        rows_of(ratio, pool.config.num_inference_steps),
        None if counts["reused"] else counts["network_rows"] / counts["rows"],
    )


def read_pairs(bank: Path, num_classes: int, variations: int) -> Tensor:
    """Read a bank of every image towards every other class, some times each.

    Returns:
        ``(S, C, V, 3, H, W)`` uint8, in the order of the ids of the source images; black where
        the target is the source's own class.

    Raises:
        ValueError: A pair gave no picture.
    """
    table = read_table(bank, ["source_id", "label"])
    ids, labels = table["source_id"].to_pylist(), table["label"].to_pylist()
    names = sorted(set(ids))
    if len(ids) != len(names) * (num_classes - 1) * variations:
        raise ValueError(f"{bank} has {len(ids)} pictures, some pairs failed: see {bank / 'stats'}")
    decoded = stored_images(bank)
    images = decoded.new_zeros((len(names), num_classes, variations, *decoded.shape[1:]))
    place = {name: row for row, name in enumerate(names)}
    number: Counter[tuple[int, int]] = Counter()
    for image, name, label in zip(decoded, ids, labels, strict=True):
        pair = place[name], label
        images[(*pair, number[pair])] = image  # variations lie in order
        number[pair] += 1
    return images


def _look(images: Tensor, pool: Pool) -> dict[str, npt.NDArray[Any]]:
    """Embed pictures and show them to the oracle."""
    flat, axes = images.flatten(0, 2), tuple(images.shape[:3])
    called = np.array(few_shot_set(pool.config).names_of(flat)).reshape(axes)
    hits = called == np.array(pool.class_names)[None, :, None]
    return {"embeddings": pool.backbone(flat).reshape(*axes, -1), "hits": hits}


def repeated(repeats: Repeats, per_class: int) -> Arm:
    """Make an arm of so many pictures of each class.

    Sources are drawn at random for each class; no pair comes again before each came once.
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
                    f"{per_class} pictures of a class are wanted, there are {len(order)}: make "
                    "more again"
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
