"""Whether a device makes what the processor makes, and its switches what they should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from genie_transforms import Bank
from index.build import build
from index.config import BuildConfig
from index.diffusion import Family, Switches

from .one_by_one import Job

_BATCH = 8


def check_device(
    device: str, job: Job, opened: Callable[[Switches], Family], max_pairs: int = 24
) -> dict[str, Any]:
    """Compare a device with the processor, and switches with none.

    Args:
        device: The device.
        job: Its model, without switches; two of its pairs are made.
        opened: Opens the same model with some switches.
        max_pairs: Pairs of the demo whose r* are compared.

    Returns:
        `same_noise_ratio`, the share of pairs with the same r* on both; and, by the name of a
        switch, the largest difference of pixels in [0, 1] that it makes.
    """
    few = replace(job, pairs=job.pairs[:2])
    plain = few.sweep_unrounded(_BATCH)
    changed = {}
    for name in ("vae_slicing", "vae_tiling", "offload"):
        if name == "offload" and torch.device(device).type == "cpu":
            continue
        other = replace(few, family=opened(Switches(**{name: True})))
        changed[name] = _largest(plain, other.sweep_unrounded(_BATCH))
    return {"same_noise_ratio": _same_r_star(device, max_pairs), "pixels_changed": changed}


def _same_r_star(device: str, max_pairs: int) -> float:
    with TemporaryDirectory() as folder:
        found = [
            Bank.open(
                build(BuildConfig(out=Path(folder, name), device=name, max_pairs=max_pairs)), None
            ).column("noise_ratio")
            for name in dict.fromkeys(["cpu", device])
        ]
    return float((found[0] == found[-1]).mean())


def _largest(one: list[Tensor], other: list[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))
