"""The held-out images: what can be read of them, and what nobody would have looked at."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from genie_transforms import UserError, source_digest
from index.embed import Backbone, Embeddings
from index.sources import BadImageError, Source, as_rgb, as_text, fit_to

logger = logging.getLogger("genie.leakage")


@dataclass(frozen=True)
class HeldOut:
    """Held-out images.

    Attributes:
        names: Paths below their folder, M.
        digests: Of each, the content keys that a bank may know it by.
        embeddings: Of each, ``(M, D)`` float32, unit norm.
        unreadable: Those that cannot be read, by name, and why.
    """

    names: list[str]
    digests: list[set[str]]
    embeddings: Embeddings
    unreadable: dict[str, str]


def read_held_out(files: Source, backbone: Backbone, side: int) -> HeldOut:
    """Read and embed images; those that cannot be read are named and left out.

    Raises:
        UserError: None can be read.
    """
    names: list[str] = []
    digests: list[set[str]] = []
    unreadable: dict[str, str] = {}
    embedded = []
    for start in tqdm(range(0, len(files), 64), desc="embed test", unit="block", disable=None):
        block = []
        for row in range(start, min(start + 64, len(files))):
            try:
                image = files.image(row)
            except BadImageError as error:
                logger.warning("left out: %s", error)
                unreadable[error.name] = error.reason
                continue
            upright = as_rgb(image)
            names.append(files.ids[row])
            # As folders are read in training, and upright, as Hugging Face's datasets give images.
            digests.append({source_digest(image.convert("RGB")), source_digest(upright)})
            block.append(fit_to(upright, side))
        if block:
            embedded.append(backbone(torch.stack(block)))
    if not embedded:
        name, reason = next(iter(unreadable.items()))
        raise UserError(f"none of {len(files)} held-out images can be read: {name} ({reason})")
    return HeldOut(names, digests, np.concatenate(embedded), unreadable)


def passed_over(root: Path, names: Sequence[str]) -> dict[str, str]:
    """Name images below a folder that a build would not read: nobody has compared them.

    Such are those whose names do not end as images' do, and those in hidden folders.

    Args:
        root: The folder.
        names: What was read of it, paths below it.

    Returns:
        The path below the folder of each, and why it was not read.
    """
    listed = set(names)
    read = {(root / name).resolve() for name in names}  # a link may have led there
    found = {}
    for path in sorted(root.rglob("*")):
        name = as_text(path.relative_to(root).as_posix())
        if not path.is_file() or name in listed or path.resolve() in read:
            continue
        try:
            with Image.open(path) as image:  # its head alone: nothing is decoded
                kind = image.format
        except (OSError, ValueError, Image.DecompressionBombError):
            continue  # no image: a list, a licence
        found[name] = f"{kind}, which no build reads by this name: rename it, or put it elsewhere"
    return found
