"""Embeddings kept on disk, by image and backbone."""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genie_transforms import UserError, source_digest
from genie_transforms.format import atomic_path

from .backbone import Backbone

logger = logging.getLogger("genie.build")


class CachedBackbone(Backbone):
    """A backbone that embeds no image twice, in this process or a later one.

    Each image is looked up by the content key of the pixels it is given, under the fingerprint
    of the backbone. What one call had to embed becomes one file, named by what it holds, so
    that many processes may write at once. Meant for source images, a block at a time.

    Args:
        backbone: Embeds what is not known.
        folder: Where embeddings are kept, of any number of backbones.

    Attributes:
        num_hits: Images that were found.
        num_misses: Images that had to be embedded.

    Raises:
        UserError: A file of the cache does not fit the backbone.
    """

    def __init__(self, backbone: Backbone, folder: Path) -> None:
        self.name, self.dimension = backbone.name, backbone.dimension
        self.batch_size = backbone.batch_size
        self.num_hits = self.num_misses = 0
        self._backbone = backbone
        self._fingerprint = backbone.fingerprint()
        text = json.dumps(self._fingerprint, sort_keys=True, indent=2) + "\n"
        self._folder = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "backbone.json").write_text(text, encoding="utf-8")
        self._known: dict[str, npt.NDArray[np.float32]] = {}
        for path in sorted(self._folder.glob("*.npz")):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                digests, embeddings = arrays["digests"].tolist(), arrays["embeddings"]
        except (BadZipFile, EOFError, KeyError, ValueError, zlib.error) as error:
            logger.warning("%s is damaged (%s): its images are embedded again", path, error)
            return
        if embeddings.shape != (len(digests), self.dimension):
            raise UserError(
                f"{path} holds embeddings {embeddings.shape} of {len(digests)} images, but "
                f"{self.name} has {self.dimension} dimensions: delete the file"
            )
        self._known.update(zip(digests, embeddings, strict=True))

    def features(self, images: Tensor) -> Tensor:
        """Return the backbone's features; nothing is looked up."""
        return self._backbone.features(images)

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the backbone: what is kept is what it would compute."""
        return self._fingerprint

    def __call__(self, images: Tensor) -> npt.NDArray[np.float32]:
        """Return embeddings ``(N, D)`` float32, unit norm, of images ``(N, 3, H, W)`` uint8."""
        digests = [source_digest(image) for image in images]
        # Backwards, so that of equal images the first one stays.
        first = {d: row for row, d in reversed(list(enumerate(digests))) if d not in self._known}
        rows = sorted(first.values())
        self.num_hits += len(digests) - len(rows)
        self.num_misses += len(rows)
        if rows:
            new = [digests[row] for row in rows]
            embeddings = self._backbone(images[torch.tensor(rows)])
            self._write(new, embeddings)
            self._known.update(zip(new, embeddings, strict=True))
        if not digests:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([self._known[digest] for digest in digests])

    def _write(self, digests: list[str], embeddings: npt.NDArray[np.float32]) -> None:
        name = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
        with atomic_path(self._folder / f"{name}.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, digests=np.array(digests, dtype=np.str_), embeddings=embeddings)
