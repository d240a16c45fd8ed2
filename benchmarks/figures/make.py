"""Make what figures are drawn from: the bank with its sweeps, and what no bank holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF
from tqdm import tqdm

from benchmarks.episodes import cached, decoded_rows, open_few_shot_set
from genie_transforms import source_digest
from index.build import build
from index.config import BuildConfig
from index.diffusion import Family, load_family
from index.diffusion.sampling import SweepPair, SweepSettings, pair_seed, sweep

from .config import FIGURE_NOISE_RATIOS, FiguresConfig
from .material import Made, SweptBank

_BLOCK = 16  # pairs that are made together


def make_material(config: FiguresConfig, work: Path) -> Made:
    """Make the bank of every source image towards every other class, or read it."""
    data = open_few_shot_set(config.data, config.per_class, 1)
    data.write_support(work / "support")
    bank = build(
        BuildConfig(
            out=work / "sweep",
            source=str(work / "support"),
            model=data.model,
            backbone=data.backbone,
            pairs=config.pairs,
            noise_ratios=FIGURE_NOISE_RATIOS,
            num_inference_steps=config.num_inference_steps,
            keep_sweep=True,
        )
    )
    return Made(config, SweptBank.read(bank), data, work)


def make_same_class(made: Made, noise_ratio: float) -> dict[str, Tensor]:
    """Make every image again within its class: Img2Img.

    Returns:
        ``(3, H, W)`` uint8 by the name of the source image.
    """
    bank = build(
        BuildConfig(
            out=made.work / f"img2img-{noise_ratio:g}",
            source=str(made.work / "support"),
            model=made.data.model,
            backbone=made.data.backbone,
            method="img2img",
            noise_ratio=noise_ratio,
            num_inference_steps=made.config.num_inference_steps,
        )
    )
    rows = decoded_rows(bank, ["source_id", "image"])
    return {row["source_id"]: row["image"] for row in rows}


def make_prompted(
    made: Made,
    name: str,
    images: Tensor,
    pairs: Sequence[SweepPair],
) -> Tensor:
    """Generate pairs with any prompts, or read what was made before.

    Args:
        made: Names the model and the folder.
        name: Of the file that keeps the images.
        images: Sources, ``(S, 3, H, W)`` uint8.
        pairs: What to generate, all at the same R noise ratios.

    Returns:
        ``(P, R, 3, H, W)`` uint8.

    Raises:
        RuntimeError: The model returned an image that cannot be used.
    """
    family, steps = load_family(made.data.pipeline), made.config.num_inference_steps
    listed = [[pair.source, pair.prompt, pair.noise_ratios, pair.seed] for pair in pairs]
    about = json.dumps([steps, listed, family.fingerprint()], sort_keys=True).encode()
    key = hashlib.sha256(about + images.numpy().tobytes()).hexdigest()
    make = partial(_generate, family, images, pairs, steps)
    return torch.from_numpy(cached(made.work / f"{name}.npz", key, make)["images"])


def _generate(
    family: Family, images: Tensor, pairs: Sequence[SweepPair], steps: int
) -> dict[str, npt.NDArray[np.uint8]]:
    images_made: list[Tensor] = []
    blocks = [pairs[k : k + _BLOCK] for k in range(0, len(pairs), _BLOCK)]
    for block in tqdm(blocks, desc="prompts", unit="block", disable=None):
        swept = sweep(family, images, block, SweepSettings(num_inference_steps=steps))
        if swept.failures:
            raise RuntimeError(f"an image failed: {next(iter(swept.failures.values()))}")
        images_made += swept.images
    return {"images": torch.stack(images_made).numpy()}


def seed_of(image: Tensor, target: str) -> int:
    """Return the seed of a pair whose source is a generated image, ``(3, H, W)`` uint8."""
    return pair_seed(source_digest(VF.to_pil_image(image)), target, 0, 0)
