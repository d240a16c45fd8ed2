"""Generated pictures of the pool, as arrays with one axis for each choice that an arm has."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from genie_transforms.format import atomic_path
from index.embed import Backbone
from index.store import read_table

from .sets import FewShotSet


@dataclass(frozen=True)
class EvaluatedImages:
    """Generated pictures. Their axes A are (support image, target, r) or (image, variation).

    Attributes:
        images: ``(*A, 3, H, W)`` uint8.
        embeddings: ``(*A, D)`` float32, unit norm.
        hits: The oracle sees the class that the picture is meant to show, ``(*A,)`` bool.
        psnr: Of the background against the source's, dB, ``(*A,)`` float64.
    """

    images: Tensor
    embeddings: npt.NDArray[np.float32]
    hits: npt.NDArray[np.bool_]
    psnr: npt.NDArray[np.float64]


def read_sweep(bank: Path, data: FewShotSet) -> Tensor:
    """Read a bank with `keep_sweep` of every image towards every other class.

    Returns:
        ``(S, C, R, 3, H, W)`` uint8, black where the target is the source's own class.

    Raises:
        ValueError: A pair gave no picture.
    """
    places, num_classes = _source_rows(data), len(data.class_names)
    table = read_table(bank, ["source_id", "label", "sweep"]).to_pylist()
    _check_complete(bank, len(table), len(places) * (num_classes - 1))
    shape = (len(places), num_classes, len(table[0]["sweep"]), *data.images.shape[1:])
    images = torch.zeros(shape, dtype=torch.uint8)
    for row in table:
        swept = torch.stack([_decoded(cell) for cell in row["sweep"]])
        images[places[row["source_id"]], row["label"]] = swept
    return images


def read_variations(bank: Path, data: FewShotSet, variations: int) -> Tensor:
    """Read a same-class bank.

    Returns:
        ``(S, V, 3, H, W)`` uint8.

    Raises:
        ValueError: A pair gave no picture.
    """
    places = _source_rows(data)
    table = read_table(bank, ["source_id", "image"]).to_pylist()
    _check_complete(bank, len(table), len(places) * variations)
    made: list[list[Tensor]] = [[] for _ in places]
    for row in table:  # in the order of the plan, so variations are in order
        made[places[row["source_id"]]].append(_decoded(row["image"]))
    return torch.stack([torch.stack(images) for images in made])


def evaluate_images(
    images: Tensor, data: FewShotSet, backbone: Backbone
) -> dict[str, npt.NDArray[Any]]:
    """Embed pictures, show them to the oracle, and compare their backgrounds with the sources'.

    Args:
        images: What `read_sweep` or `read_variations` gave.
        data: The sources, one for each entry of the first axis, and the oracle.
        backbone: Embeds.

    Returns:
        The arrays of `EvaluatedImages` by name.
    """
    axes = tuple(images.shape[:-3])
    flat, names = images.flatten(0, -4), np.array(data.class_names)
    called = np.array(data.names_of(flat)).reshape(axes)
    swept = len(axes) == 3
    own = names[data.labels[: data.num_support]][:, None]
    psnr = data.background_psnr(images.flatten(1, -4), np.arange(data.num_support))
    return {
        "embeddings": backbone(flat).reshape(*axes, -1),
        "hits": called == (names[None, :, None] if swept else own),
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


def _decoded(cell: dict[str, Any]) -> Tensor:
    with Image.open(io.BytesIO(cell["bytes"])) as picture:
        image: Tensor = VF.pil_to_tensor(picture.convert("RGB"))
    return image


def _source_rows(data: FewShotSet) -> dict[str, int]:
    """Map the builder's names of source images to rows of the pool."""
    return {name: row for row, name in enumerate(data.support_ids)}


def _check_complete(bank: Path, found: int, wanted: int) -> None:
    if found != wanted:
        raise ValueError(
            f"{bank} has {found} of {wanted} pairs; the reasons are in {bank / 'stats'}. An arm "
            "without all of its pictures cannot be compared with the others"
        )
