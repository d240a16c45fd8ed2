"""What one pair costs: network rows by the rules of a build, seconds as published, bytes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from diffusers import DPMSolverMultistepScheduler
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.transforms.v2 import functional as VF

from genie_transforms.format import encode_image
from index.build import network_rows_per_pair
from index.config import BuildConfig
from index.diffusion import Family

STEPS, GUIDANCE, SIDE = 50, 7.5, 512

PUBLISHED: tuple[dict[str, Any], ...] = (
    {
        "gpu": "A100 80 GB SXM",
        "seconds": 1.591,
        "what": "Stable Diffusion 1.5, 512 x 512, 50 steps, float16, one image at a time, "
        "Diffusers with torch 2.1 (SDPA), end to end, mean",
        "source": "https://github.com/fal-ai/stable-diffusion-benchmarks, README.md at commit "
        "0490f6951258c06b3a930420cf9da63015677a53",
    },
    {
        "gpu": "V100 16 GB",
        "seconds": 4.12,
        "what": "Stable Diffusion 1.5, 50 steps of a DPM solver, Txt2Img, mean of 10 images",
        "source": "GeNIe, arXiv 2312.02548, table A4",
    },
)
"""Seconds of one image from text: 50 calls of the network with guidance, and all around them."""


ROWS_OF_AN_IMAGE = 2 * STEPS
"""Network rows of such an image: with guidance each step takes two."""


METHODS: dict[str, dict[str, Any]] = {
    "genie, r = 0.8": {"method": "genie", "noise_ratio": 0.8},
    "genie-ada, preview": {"ada": "preview"},
    "genie-ada, full": {},
}

COLUMNS = 500
"""Bytes of a row beside its image and embeddings, as `--dry-run` counts them."""


DIMENSION = 2048
"""Of torchvision:resnet50, which embeds by default."""


def rows_of_methods() -> dict[str, dict[str, int]]:
    """Return the network rows of a pair at most, and the embeddings that are kept, by method."""
    # The schedule of Stable Diffusion 1.5, of which only the timesteps count here.
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    family = cast(
        Family, SimpleNamespace(scheduler=DPMSolverMultistepScheduler(**betas), flow=False)
    )
    found = {}
    for name, settings in METHODS.items():
        config = BuildConfig(num_inference_steps=STEPS, guidance_scale=GUIDANCE, **settings)
        found[name] = {
            "network_rows": network_rows_per_pair(config, family),
            "embeddings": len(config.sweep_ratios) + 1,
        }
    return found


def bytes_of_images() -> dict[str, int]:
    """Return the bytes of an image as a bank stores it: the mean of scikit-learn's two photographs.

    They are cropped to a square and scaled: generated images may compress otherwise.
    """
    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    found = {}
    for name, side, kind in (
        ("png 512", SIDE, "png"),
        ("jpeg 512", SIDE, "jpeg"),
        ("jpeg 224", 224, "jpeg"),
    ):
        square = [
            VF.center_crop(one, [min(one.size)] * 2).resize((side, side)) for one in photographs
        ]
        sizes = [len(encode_image(VF.pil_to_tensor(one), kind)["bytes"]) for one in square]
        found[name] = round(sum(sizes) / len(sizes))
    return found


def bytes_of_embeddings(count: int, dimension: int = DIMENSION) -> int:
    """Return the bytes that a row's embeddings take: float32 each, and a centroid of float64."""
    key = 32
    return count * dimension * 4 + dimension * 8 + key
