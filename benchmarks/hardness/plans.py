"""The pairs of each plan, swept over r, and Txt2Img's images of the same pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.episodes import decoded_rows
from genie_transforms import UserError
from index.build import build
from index.config import PAPER_NOISE_RATIOS, BuildConfig
from index.demo import Scenes

from .config import HardnessConfig
from .judges import NAMES, SEED

RANDOM = "random"
"""The plan that the others are compared with."""


@dataclass(frozen=True)
class Swept:
    """The P pairs of one plan, each at R noise ratios and by Txt2Img.

    Attributes:
        source_ids: Source image of each pair, ``(P,)`` str.
        source: Class of its source, ``(P,)`` int64.
        target: Class of its target, ``(P,)`` int64.
        chosen: Place of GeNIe-Ada's r* in the sweep, ``(P,)`` int64.
        images: The sweep, then Txt2Img's, ``(P, R + 1, 3, 64, 64)`` uint8.
    """

    source_ids: npt.NDArray[np.str_]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    chosen: npt.NDArray[np.int64]
    images: Tensor


def make_plans(config: HardnessConfig) -> dict[str, Swept]:
    """Build or continue the banks of each plan; pairs that two plans share are made once."""
    support = config.work / "scenes"
    if not support.exists():
        Scenes(1 if config.quick else config.per_class, NAMES, SEED).write_image_folder(support)
    swept = {}
    for kind in (RANDOM, "nearest", "confusion"):
        common = BuildConfig(
            out=config.work / kind,
            source=str(support),
            backbone="demo",
            pairs=f"{kind}:{1 if config.quick else config.k}",
            num_inference_steps=4 if config.quick else config.num_inference_steps,
            cache=config.work / "pairs",
        )
        sweeps = build(replace(common, noise_ratios=PAPER_NOISE_RATIOS, keep_sweep=True))
        new = build(replace(common, out=config.work / f"{kind}-txt2img", method="txt2img"))
        swept[kind] = read_swept(sweeps, new)
    return swept


def read_swept(sweeps: Path, txt2img: Path) -> Swept:
    """Read the pairs of two banks of one plan: with `keep_sweep`, and Txt2Img's.

    Raises:
        UserError: They have other pairs.
    """
    columns = ["source_id", "source_label", "label"]
    rows = sorted(decoded_rows(sweeps, [*columns, "noise_ratio", "sweep"]), key=_pair)
    new = sorted(decoded_rows(txt2img, [*columns, "image"]), key=_pair)
    if [*map(_pair, rows)] != [*map(_pair, new)]:
        raise UserError(f"{sweeps} and {txt2img} have other pairs: remove both, and build again")
    grid = np.array(PAPER_NOISE_RATIOS)  # the column is float32, so r* is matched to the nearest
    return Swept(
        source_ids=np.array([row["source_id"] for row in rows]),
        source=np.array([row["source_label"] for row in rows]),
        target=np.array([row["label"] for row in rows]),
        chosen=np.array([int(np.abs(grid - row["noise_ratio"]).argmin()) for row in rows]),
        images=torch.stack([
            torch.cat([row["sweep"], other["image"][None]])
            for row, other in zip(rows, new, strict=True)
        ]),
    )  # fmt: skip


def _pair(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["source_id"], row["label"]
