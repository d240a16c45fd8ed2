"""Cap2Aug: image to image within a class, with the image's own caption as the prompt."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF
from tqdm import tqdm

from genie_transforms import source_digest
from genie_transforms.format import atomic_path
from index.diffusion import load_family
from index.diffusion.sampling import SweepPair, SweepSettings, pair_seed, sweep

from .sets import FewShotSet

_BLOCK = 16  # images that are made together


@dataclass(frozen=True)
class Made:
    """Generated pictures and what they cost.

    Attributes:
        images: ``(…, 3, H, W)`` uint8.
        network_rows: Rows that went through the denoiser, guidance counted.
        seconds: How long it took.
    """

    images: Tensor
    network_rows: int
    seconds: float


def make_captioned(
    path: Path, data: FewShotSet, noise_ratio: float, variations: int, num_inference_steps: int
) -> Made:
    """Make every support image anew from its caption, or read what was made before.

    A bank has one prompt for each class, so these pictures are swept without one. The demo's
    attribute captions stand in for BLIP's.

    Args:
        path: File that keeps the pictures, npz.
        data: The sources, with captions.
        noise_ratio: r in (0, 1].
        variations: How often each image is made, with other noise.
        num_inference_steps: Steps of the whole denoising.

    Returns:
        Pictures ``(S, V, 3, H, W)`` uint8.

    Raises:
        RuntimeError: The model gave pictures that are not finite.
    """
    family = load_family(data.pipeline)
    captions = list(data.captions)
    settings = [noise_ratio, variations, num_inference_steps, captions, family.fingerprint()]
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    if path.exists():
        with np.load(path) as kept:
            if str(kept["key"]) == key:
                rows, seconds = int(kept["network_rows"]), float(kept["seconds"])
                return Made(torch.from_numpy(kept["images"]), rows, seconds)
    start = time.perf_counter()
    images = data.support
    digests = [source_digest(VF.to_pil_image(image)) for image in images]
    made: list[Tensor] = []
    network_rows = 0
    blocks = [range(k, min(k + _BLOCK, len(images))) for k in range(0, len(images), _BLOCK)]
    for block in tqdm(blocks, desc="captioned", unit="block", disable=None):
        pairs = [
            SweepPair(
                row, captions[row], (noise_ratio,), pair_seed(digests[row], captions[row], v, 0)
            )
            for row in block
            for v in range(variations)
        ]
        swept = sweep(family, images, pairs, SweepSettings(num_inference_steps=num_inference_steps))
        if swept.failures:
            raise RuntimeError(f"a captioned picture failed: {next(iter(swept.failures.values()))}")
        made += [picture[0] for picture in swept.images]
        network_rows += swept.network_rows
    pictures = torch.stack(made).reshape(len(images), variations, *made[0].shape)
    result = Made(pictures, network_rows, time.perf_counter() - start)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            key=np.array(key),
            images=pictures.numpy(),
            network_rows=np.array(network_rows),
            seconds=np.array(result.seconds),
        )
    return result
