"""Generated images, embedded and looked at, as arrays with one axis for each choice of an arm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genie_transforms.format import atomic_path
from index.embed import Backbone

from .sets import FewShotSet


@dataclass(frozen=True)
class GeneratedImages:
    """Generated images and what they cost.

    Attributes:
        images: ``(*A, 3, H, W)`` uint8, axes A as in `EvaluatedImages`.
        network_rows: Rows that went through the denoiser, guidance counted.
        seconds: How long it took.
    """

    images: Tensor
    network_rows: int
    seconds: float


@dataclass(frozen=True)
class EvaluatedImages:
    """Generated images and what they show.

    Their axes A are (support image, target, r), or (support image, variation).

    Attributes:
        images: ``(*A, 3, H, W)`` uint8.
        embeddings: ``(*A, D)`` float32, unit norm.
        hits: The oracle sees the class that the image is meant to show, ``(*A,)`` bool.
        psnr: Of the background against the source's, dB, ``(*A,)`` float64.
    """

    images: Tensor
    embeddings: npt.NDArray[np.float32]
    hits: npt.NDArray[np.bool_]
    psnr: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Repeats:
    """Images of every pair at one r, each with other noise.

    Attributes:
        noise_ratio: r.
        generated: Axes (support image, target, variation); their backgrounds are not measured.
        network_rows: Rows that each image sends through the denoiser, guidance counted.
        counted: The same, as its bank counted it; None if it reused pairs of another bank.
    """

    noise_ratio: float
    generated: EvaluatedImages
    network_rows: float
    counted: float | None = None


def evaluate_images(
    images: Tensor, data: FewShotSet, backbone: Backbone
) -> dict[str, npt.NDArray[Any]]:
    """Embed images, show them to the oracle, and compare their backgrounds with the sources'.

    Args:
        images: What `read_sweep` or `read_variations` returned.
        data: The sources, one for each entry of the first axis, and the oracle.
        backbone: Embeds.

    Returns:
        The arrays of `EvaluatedImages` by name.
    """
    axes = tuple(images.shape[:-3])
    flat, names = images.flatten(0, -4), np.array(data.class_names)
    predicted = np.array(data.names_of(flat)).reshape(axes)
    swept = len(axes) == 3
    own = names[data.labels[: data.num_support]][:, None]
    psnr = data.background_psnr(images.flatten(1, -4), np.arange(data.num_support))
    return {
        "embeddings": backbone(flat).reshape(*axes, -1),
        "hits": predicted == (names[None, :, None] if swept else own),
        "psnr": psnr.reshape(axes),
    }


def cached(
    path: Path, key: str, compute: Callable[[], dict[str, npt.NDArray[Any]]]
) -> dict[str, npt.NDArray[Any]]:
    """Read arrays from an npz that were computed under the same key, or compute and keep them."""
    if path.exists():
        with np.load(path) as kept:
            if str(kept["key"]) == key:
                return {name: kept[name] for name in kept.files if name != "key"}
    arrays = compute()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, key=np.array(key), **arrays)
    return arrays
