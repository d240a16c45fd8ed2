"""What is compared: negatives of a bank and real images of the same classes, embedded."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as VF
from tqdm import tqdm

from genie_transforms import Bank, UserError, source_digest
from genie_transforms.format import open_image
from index.device import choose_device
from index.embed import Backbone, Embeddings, Integers, load_backbone
from index.sources import BadImageError, Source, fit_to

from .config import EvaluateConfig

logger = logging.getLogger("genie.evaluate")

_BLOCK = 64


@dataclass(frozen=True)
class Images:
    """Embedded images.

    Attributes:
        embeddings: ``(N, D)`` float32, unit norm.
        labels: Classes by their number in the bank, ``(N,)`` int64.
        groups: Content key of each image, or of the source that it was made from.
        places: Rows of the bank, or of the real images.
    """

    embeddings: Embeddings
    labels: Integers
    groups: list[str]
    places: list[int]

    def take(self, rows: Integers) -> Images:
        """Return some of the images."""
        return Images(
            self.embeddings[rows],
            self.labels[rows],
            [self.groups[row] for row in rows],
            [self.places[row] for row in rows],
        )


@dataclass(frozen=True)
class Classes:
    """Which classes are compared.

    Attributes:
        numbers: For each class of the real images its number in the bank; -1 if it is left out.
        compared: Names of the classes that have negatives and real images.
        without_real: Classes with negatives, but without real images.
        without_negatives: Classes with real images, but without negatives.
    """

    numbers: Integers
    compared: list[str]
    without_real: list[str]
    without_negatives: list[str]

    def counts(self) -> dict[str, Any]:
        """Return what is compared and what is left out, ready for JSON."""
        return {
            "compared": len(self.compared),
            "without_real": self.without_real,
            "without_negatives": self.without_negatives,
        }


@dataclass(frozen=True)
class Sizes:
    """What negatives went through before a backbone gets them, for real images to do the same.

    Attributes:
        model: Side in pixels that the backbone gets.
        stored: Shorter side that negatives are stored at, that of most of them.
        others: Negatives that are stored at another one.
        formats: What they are stored as, such as PNG.
    """

    model: int
    stored: int
    others: int
    formats: list[str]

    @classmethod
    def of(cls, bank: Bank, rows: Integers) -> Sizes:
        """Read the sizes of some rows of a bank, at least one, without decoding them."""
        images = [open_image(bank.image_bytes(row)) for row in rows.tolist()]
        [(stored, count)] = Counter(min(image.size) for image in images).most_common(1)
        return cls(
            model=int(bank.manifest.recipe.get("resolution") or stored),
            stored=stored,
            others=len(images) - count,
            formats=sorted({str(image.format) for image in images}),
        )

    def real(self, image: Image.Image) -> Tensor:
        """Return a real image, ``(3, model, model)`` uint8, no sharper than negatives are.

        Those that are stored smaller are enlarged for the backbone. Beside them, a real image that
        kept its detail would be told by that alone, whatever either shows.
        """
        pixels = fit_to(image, self.model)
        if self.stored >= self.model:
            return pixels
        small = VF.resize(pixels, [self.stored] * 2, antialias=True)
        enlarged: Tensor = VF.resize(small, [self.model] * 2, antialias=True)
        return enlarged


def match_classes(bank: Bank, source: Source) -> Classes:
    """Match the classes of real images to those of a bank, by name.

    Raises:
        UserError: None has both negatives and real images.
    """
    has_negatives = {bank.class_names[label] for label in np.unique(bank.labels)}
    has_real = {source.class_names[label] for label in np.unique(source.labels)}
    compared = has_negatives & has_real
    if not compared:
        raise UserError(
            f"no class of the real images, such as {sorted(has_real)[:3]}, has negatives in "
            f"{bank.path}; those that have are {sorted(has_negatives)[:3]} …: classes are matched "
            "by name"
        )
    place = {name: number for number, name in enumerate(bank.class_names)}
    numbers = [place[name] if name in compared else -1 for name in source.class_names]
    return Classes(
        numbers=np.array(numbers, dtype=np.int64),
        compared=[name for name in bank.class_names if name in compared],
        without_real=[name for name in bank.class_names if name in has_negatives - compared],
        without_negatives=[name for name in source.class_names if name in has_real - compared],
    )


def open_backbone(config: EvaluateConfig, bank: Bank) -> Backbone:
    """Open what embeds: the bank's own backbone, or the one that was asked for.

    Raises:
        UserError: The bank does not know its own, or that is another one now.
    """
    recipe, fingerprint = bank.manifest.recipe, bank.manifest.fingerprint
    spec = config.backbone or recipe.get("backbone")
    if not spec:
        raise UserError(f"{bank.path} does not say which backbone it was built with: --backbone")
    backbone = load_backbone(spec, device=choose_device(config.device))
    if not config.backbone and backbone.fingerprint() != fingerprint.get("backbone"):
        raise UserError(
            f"the backbone {spec!r} is no longer the one that {bank.path} was built with: restore "
            "its weights, or name one with --backbone"
        )
    return backbone


def drawn(rows: Integers, count: int, rng: np.random.Generator) -> Integers:
    """Return at most `count` of some rows, in their order."""
    return rows if len(rows) <= count else np.sort(rng.choice(rows, count, replace=False))


def embed_negatives(bank: Bank, rows: Integers, backbone: Backbone, side: int) -> Images:
    """Embed negatives of a bank, by row, at a side in pixels."""
    tensors = (fit_to(bank.image(row), side) for row in rows.tolist())
    embeddings = _embed(tensors, len(rows), backbone, "embed negatives")
    digests = bank.column("source_digest")[rows].tolist()
    return Images(embeddings, bank.labels[rows], digests, rows.tolist())


def embed_real(
    source: Source, numbers: Integers, rows: Integers, backbone: Backbone, sizes: Sizes
) -> Images:
    """Embed real images, by row; those that cannot be read are left out.

    Args:
        source: The images.
        numbers: For each of their classes its number in the bank.
        rows: Which images.
        backbone: What embeds.
        sizes: What the negatives went through.
    """
    digests: dict[int, str] = {}

    def readable() -> Iterator[Tensor]:
        for row in rows.tolist():
            try:
                image = source.image(row)
            except BadImageError as error:
                logger.warning("left out: %s", error)
                continue
            digests[row] = source_digest(image.convert("RGB"))
            yield sizes.real(image)

    embeddings = _embed(readable(), len(rows), backbone, "embed real images")
    kept = list(digests)
    return Images(embeddings, numbers[source.labels[kept]], list(digests.values()), kept)


def _embed(images: Iterator[Tensor], count: int, backbone: Backbone, what: str) -> Embeddings:
    """Embed images as they come, ``(N, D)`` float32, unit norm."""
    # One iterator: each new one of a bar may end the generator behind it.
    shown = iter(tqdm(images, desc=what, total=count, unit="image", disable=None))
    blocks = [np.zeros((0, backbone.dimension), dtype=np.float32)]
    while block := list(islice(shown, _BLOCK)):
        blocks.append(backbone(torch.stack(block)))
    return np.concatenate(blocks)


def matched(first: Images, second: Images, rng: np.random.Generator) -> tuple[Images, Images]:
    """Draw equally many images of each class from both sets, as many as there are of each.

    Otherwise two sets of the same images would differ by how often each class is there.
    """
    chosen: tuple[list[Integers], list[Integers]] = ([], [])
    for label in np.intersect1d(first.labels, second.labels):
        rows = [np.flatnonzero(one.labels == label) for one in (first, second)]
        count = min(map(len, rows))
        for part, own in zip(chosen, rows, strict=True):
            part.append(drawn(own, count, rng))
    none = np.zeros(0, dtype=np.int64)
    return (
        first.take(np.concatenate([none, *chosen[0]])),
        second.take(np.concatenate([none, *chosen[1]])),
    )
