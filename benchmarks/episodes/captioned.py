"""Cap2Aug: image to image within a class, with the image's own caption as the prompt."""

from __future__ import annotations

import hashlib
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF
from tqdm import tqdm

from genie_transforms import source_digest
from index.diffusion import Family, load_family
from index.diffusion.sampling import SweepPair, SweepSettings, pair_seed, sweep

from .images import GeneratedImages, cached
from .sets import FewShotSet

_BLOCK = 16  # images that are made together


def make_captioned(
    path: Path, data: FewShotSet, noise_ratio: float, variations: int, num_inference_steps: int
) -> GeneratedImages:
    """Make every support image again from its caption, or read what was made before.

    `index.build --method cap2aug` can do this, too, but came later: made here, the images of a
    pool, and so its digest, stay what they were. The demo's attribute captions stand in for BLIP's.

    Args:
        path: File that keeps the images, npz.
        data: The sources, with captions.
        noise_ratio: r in (0, 1].
        variations: How often each image is made, with other noise.
        num_inference_steps: Steps of the whole denoising.

    Returns:
        Images ``(S, V, 3, H, W)`` uint8.

    Raises:
        RuntimeError: The model returned images that are not finite.
    """
    family = load_family(data.pipeline)
    settings = [noise_ratio, variations, num_inference_steps, [*data.captions]]
    about = json.dumps([*settings, family.fingerprint()], sort_keys=True)
    make = partial(_make, family, data, noise_ratio, variations, num_inference_steps)
    arrays = cached(path, hashlib.sha256(about.encode()).hexdigest(), make)
    rows, seconds = int(arrays["network_rows"]), float(arrays["seconds"])
    return GeneratedImages(torch.from_numpy(arrays["images"]), rows, seconds)


def _make(
    family: Family, data: FewShotSet, noise_ratio: float, variations: int, num_inference_steps: int
) -> dict[str, npt.NDArray[np.generic]]:
    """Make the images a block after the other, and count rows and seconds."""
    start, images, captions = time.perf_counter(), data.support, data.captions
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
            raise RuntimeError(f"a captioned image failed: {next(iter(swept.failures.values()))}")
        made += [image[0] for image in swept.images]
        network_rows += swept.network_rows
    return {
        "images": torch.stack(made).reshape(len(images), variations, *made[0].shape).numpy(),
        "network_rows": np.array(network_rows),
        "seconds": np.array(time.perf_counter() - start),
    }
