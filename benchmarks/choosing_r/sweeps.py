"""The pool's sweep made otherwise, from a few of the pool's support images, to compare with it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.episodes import EvaluatedImages, Integers, Pool, cached, common_build, few_shot_set
from genie_transforms.format import decode_image, planes_of
from index.build import build
from index.config import BuildConfig
from index.store import read_table

SWEEPS: Mapping[str, Mapping[str, Any]] = {
    "independent": {"noise": "independent"},
    "guidance-2": {"guidance_scale": 2.0},
    "steps-10": {"num_inference_steps": 10},
}
"""By name, in what they differ from the pool's own sweep."""


def few_rows(pool: Pool, per_class: int) -> Integers:
    """List the first support images of each class, as rows of the pool."""
    labels = pool.labels[: pool.num_support]
    of_class = [np.flatnonzero(labels == label) for label in range(len(pool.class_names))]
    return np.concatenate([rows[:per_class] for rows in of_class])


def other_sweep(pool: Pool, name: str, per_class: int) -> Pool:
    """Make some of the pool's pairs otherwise, or read what was made.

    Args:
        pool: Real and swept pictures.
        name: One of `SWEEPS`.
        per_class: Support images of each class, the first ones.

    Returns:
        The pool with this sweep, black and not a number where nothing was made.

    Raises:
        ValueError: A pair gave no picture.
    """
    work, rows = pool.config.work, few_rows(pool, per_class)
    common = {
        **common_build(pool.config),
        "source": str(_folder(work, per_class)),
        "noise_ratios": pool.config.noise_ratios,
    }
    out = work / f"sweep-{name}"
    bank = build(BuildConfig(out=out, keep_sweep=True, **{**common, **SWEEPS[name]}))
    images = _read(bank, pool, len(rows))
    digest = hashlib.sha256(images.numpy().tobytes()).hexdigest() + pool.digest
    seen = cached(work / f"sweep-{name}-seen.npz", digest, partial(_look, images, pool, rows))
    shape = pool.swept.hits.shape
    swept = EvaluatedImages(
        images=torch.zeros_like(pool.swept.images),
        embeddings=np.full_like(pool.swept.embeddings, np.nan),
        hits=np.zeros(shape, dtype=np.bool_),
        psnr=np.full(shape, np.nan),
    )
    swept.images[rows] = images
    for name, values in seen.items():
        getattr(swept, name)[rows] = values
    return replace(pool, swept=swept, digest=digest)


def _folder(work: Path, per_class: int) -> Path:
    """Copy the first support images of each class."""
    few = work / f"support-{per_class}"
    for folder in sorted(path for path in (work / "support").iterdir() if path.is_dir()):
        (few / folder.name).mkdir(parents=True, exist_ok=True)
        for image in sorted(folder.iterdir())[:per_class]:
            shutil.copyfile(image, few / folder.name / image.name)
    return few


def _read(bank: Path, pool: Pool, num_images: int) -> Tensor:
    """Read a bank with `keep_sweep`: ``(S', C, R, 3, H, W)`` uint8, in the order of the files."""
    num_classes, num_ratios = len(pool.class_names), len(pool.config.noise_ratios)
    table = read_table(bank, ["source_id", "label", "sweep"]).to_pylist()
    if len(table) != num_images * (num_classes - 1):
        raise ValueError(f"{bank} has {len(table)} pairs, some failed: see {bank / 'stats'}")
    order = sorted({row["source_id"] for row in table}, key=lambda i: i.rpartition("/")[2])
    shape = num_images, num_classes, num_ratios, *pool.images.shape[1:]
    images = torch.zeros(shape, dtype=torch.uint8)
    for row in table:
        cells = [planes_of(decode_image(memoryview(cell["bytes"]))) for cell in row["sweep"]]
        images[order.index(row["source_id"]), row["label"]] = torch.stack(cells)
    return images


def _look(images: Tensor, pool: Pool, rows: Integers) -> dict[str, npt.NDArray[Any]]:
    """Embed pictures, show them to the oracle, and compare backgrounds."""
    axes, flat = tuple(images.shape[:3]), images.flatten(0, 2)
    data = few_shot_set(pool.config)
    hits = np.array(data.names_of(flat)).reshape(axes) == np.array(pool.class_names)[:, None]
    psnr = data.background_psnr(images.flatten(1, 2), rows).reshape(axes)
    return {"embeddings": pool.backbone(flat).reshape(*axes, -1), "hits": hits, "psnr": psnr}
