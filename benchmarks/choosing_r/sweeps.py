"""The pool's sweep made with other settings, from a few of the pool's support images."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.episodes import (
    EvaluatedImages,
    Integers,
    Pool,
    cached,
    common_build,
    few_shot_set,
    read_sweep,
)
from index.build import build
from index.config import BuildConfig

from .config import SWEEPS


def few_rows(pool: Pool, per_class: int) -> Integers:
    """List the first support images of each class, as rows of the pool."""
    labels = pool.labels[: pool.num_support]
    of_class = [np.flatnonzero(labels == label) for label in range(len(pool.class_names))]
    return np.concatenate([rows[:per_class] for rows in of_class])


def other_sweep(pool: Pool, name: str, per_class: int) -> Pool:
    """Build a bank of some of the pool's pairs with other settings, or read it.

    Args:
        pool: Real and swept images.
        name: One of `SWEEPS`.
        per_class: Support images of each class, the first ones.

    Returns:
        The pool with this sweep; images are black and figures NaN where nothing was made.

    Raises:
        ValueError: A pair failed.
    """
    work, rows = pool.config.work, few_rows(pool, per_class)
    common = {
        **common_build(pool.config),
        "source": str(_folder(work, per_class)),
        "noise_ratios": pool.config.noise_ratios,
    }
    out = work / f"sweep-{name}"
    bank = build(BuildConfig(out=out, keep_sweep=True, **{**common, **SWEEPS[name]}))
    support_ids = few_shot_set(pool.config).support_ids
    images = read_sweep(bank, [support_ids[row] for row in rows], len(pool.class_names))
    digest = hashlib.sha256(images.numpy().tobytes()).hexdigest() + pool.digest
    path = work / f"sweep-{name}-seen.npz"
    evaluated = cached(path, digest, partial(_evaluate, images, pool, rows))
    shape = pool.swept.hits.shape
    swept = EvaluatedImages(
        images=torch.zeros_like(pool.swept.images),
        embeddings=np.full_like(pool.swept.embeddings, np.nan),
        hits=np.zeros(shape, dtype=np.bool_),
        psnr=np.full(shape, np.nan),
    )
    swept.images[rows] = images
    for array, values in evaluated.items():
        getattr(swept, array)[rows] = values
    return replace(pool, swept=swept, digest=digest)


def _folder(work: Path, per_class: int) -> Path:
    """Copy the first support images of each class."""
    few = work / f"support-{per_class}"
    for folder in sorted(path for path in (work / "support").iterdir() if path.is_dir()):
        (few / folder.name).mkdir(parents=True, exist_ok=True)
        for image in sorted(folder.iterdir())[:per_class]:
            shutil.copyfile(image, few / folder.name / image.name)
    return few


def _evaluate(images: Tensor, pool: Pool, rows: Integers) -> dict[str, npt.NDArray[Any]]:
    """Embed images, let the oracle classify them, and compare backgrounds."""
    axes, flat = tuple(images.shape[:3]), images.flatten(0, 2)
    data = few_shot_set(pool.config)
    hits = np.array(data.names_of(flat)).reshape(axes) == np.array(pool.class_names)[:, None]
    psnr = data.background_psnr(images.flatten(1, 2), rows).reshape(axes)
    return {"embeddings": pool.backbone(flat).reshape(*axes, -1), "hits": hits, "psnr": psnr}
