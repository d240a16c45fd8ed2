"""The first stage: embed the source images, a block at a time."""

from __future__ import annotations

import os
from itertools import chain, compress

import numpy as np
import torch
from PIL import Image

from genie_transforms import BankError, source_digest
from genie_transforms.format import PixelKeys, pixel_key
from index.embed import Backbone, EmbeddingIndex
from index.sources import BadImageError, Source, fit_to
from index.store import SourceBlock, SourceBlocks

from .known_images import KnownImages
from .tasks import Order

BLOCK = 256
"""Images of one block. The embeddings of a block come from one call, whoever makes it."""


class EmbedSources:
    """A stage with a task for each block of source images.

    Args:
        source: The images.
        backbone: Embeds them.
        resolution: Side at which they are embedded, in pixels.
        blocks: Where finished blocks are; if not given, they stay in this process.
        keep: Whether to write blocks: a dry run only reads them.
        strict: Whether an image that cannot be used ends the build, rather than being left out.
    """

    name, unit = "embed sources", "image"
    order: Order = ("embed", 0)

    def __init__(
        self,
        source: Source,
        backbone: Backbone,
        resolution: int,
        blocks: SourceBlocks | None = None,
        *,
        keep: bool = True,
        strict: bool = False,
    ) -> None:
        self.backbone = backbone
        self._source, self._resolution = source, resolution
        self._blocks, self._keep, self._strict = blocks, keep, strict
        starts = range(0, len(source), BLOCK)
        self._rows = [range(start, min(start + BLOCK, len(source))) for start in starts]
        self._done: dict[int, SourceBlock] = {}
        self._known: KnownImages | None = None

    @property
    def num_tasks(self) -> int:
        """Number of blocks."""
        return len(self._rows)

    def size(self, task: int) -> int:
        """Return the images of a block."""
        return len(self._rows[task])

    def ids(self, task: int) -> list[str]:
        """Return the names of the images of a block."""
        return [str(self._source.ids[row]) for row in self._rows[task]]

    def is_done(self, task: int) -> bool:
        """Tell whether a block is there, and none of its images has changed since.

        Images without a file are read for that, and those that could not be used are tried again.

        Raises:
            BadImageError: One still cannot, and the stage is strict.
        """
        found = self._read(task)
        if found is None:
            return False
        stamps = zip(self._stamps(task), found.problems, strict=True)
        if found.stamps != ["" if problem else stamp for stamp, problem in stamps]:
            return False
        if b"" in compress(found.pixel_keys, [not problem for problem in found.problems]):
            return False  # of an earlier version: read again, but not embedded again
        for row, stamp, digest in zip(self._rows[task], found.stamps, found.digests, strict=True):
            if not stamp and self._digest(row) != digest:
                return False
        self._done[task] = found
        return True

    def failed(self, task: int) -> int:
        """Count the images of a block that cannot be used."""
        return sum(map(bool, self._block(task).problems))

    def run(self, task: int) -> None:
        """Embed the images of a block that no earlier block knows.

        Raises:
            BadImageError: One cannot be used, and the stage is strict.
        """
        known, ids, stamps = self._older(task), self.ids(task), self._stamps(task)
        problems = [""] * len(ids)
        digests: list[str] = []
        keys: list[bytes] = []
        shown: list[str] = []
        images: dict[int, torch.Tensor] = {}
        vectors = np.zeros((len(ids), self.backbone.dimension), dtype=np.float32)
        for place, row in enumerate(self._rows[task]):
            found = known.files.get((ids[place], stamps[place]))
            if found is not None:
                digest, key, seen, vectors[place] = found
            else:
                original = self._image(row)
                if isinstance(original, BadImageError):
                    problems[place], stamps[place] = original.reason, ""
                    digest, key, seen = "", b"", ""
                else:
                    image = fit_to(original, self._resolution)
                    trained = original.convert("RGB")  # as training reads it, 16 bits too
                    key = pixel_key(trained)
                    digest, seen = source_digest(trained), source_digest(image)
                    if seen in known.vectors:
                        vectors[place] = known.vectors[seen]
                    else:
                        images[place] = image
            digests.append(digest)
            keys.append(key)
            shown.append(seen)
        if images:
            vectors[list(images)] = self.backbone(torch.stack(list(images.values())))
        block = SourceBlock(ids, stamps, digests, keys, shown, vectors, problems)
        known.warn_of_turned(block)
        if self._blocks is not None and self._keep:
            self._blocks.write(block)
        self._done[task] = block

    def index(self) -> EmbeddingIndex:
        """Put all images that can be used into an index, once all blocks are there.

        Their ids count from 0: rows of the source once those of `problems` are left out.

        Raises:
            BankError: Somebody removed a block.
        """
        index = EmbeddingIndex(self.backbone.dimension, num_classes=len(self._source.class_names))
        for task, rows in enumerate(self._rows):
            block = self._block(task)
            good = [place for place, problem in enumerate(block.problems) if not problem]
            numbers = np.arange(len(index), len(index) + len(good))
            labels = self._source.labels[[rows[place] for place in good]]
            digests = [block.digests[place] for place in good]
            index.add(block.embeddings[good], numbers, labels, digests)
        return index

    def pixel_keys(self) -> PixelKeys:
        """Return the fast keys of all images that can be used, once all blocks are there.

        Raises:
            BankError: Somebody removed a block.
        """
        blocks = [self._block(task) for task in range(self.num_tasks)]
        good = [[not problem for problem in block.problems] for block in blocks]
        keys = [compress(block.pixel_keys, mask) for block, mask in zip(blocks, good, strict=True)]
        names = [compress(block.digests, mask) for block, mask in zip(blocks, good, strict=True)]
        return PixelKeys.of([*chain(*keys)], [*chain(*names)])

    def problems(self) -> dict[int, str]:
        """Return the rows of the source that cannot be used, and why, once all blocks are there.

        Raises:
            BankError: Somebody removed a block.
        """
        return {
            row: problem
            for task, rows in enumerate(self._rows)
            for row, problem in zip(rows, self._block(task).problems, strict=True)
            if problem
        }

    def remove_others(self) -> None:
        """Remove the blocks of images that are no longer there, or now in other blocks."""
        if self._blocks is not None:
            self._blocks.keep_only(self.ids(task) for task in range(self.num_tasks))

    def _block(self, task: int) -> SourceBlock:
        # Another process may have made it.
        block = self._done.get(task) or self._read(task)
        if block is None:
            raise BankError(f"the embeddings of block {task} are gone: run the build again")
        self._done[task] = block
        return block

    def _image(self, row: int) -> Image.Image | BadImageError:
        """Read an image, or tell what is wrong with it, unless that ends the build."""
        try:
            return self._source.image(row)
        except BadImageError as error:
            if self._strict:
                raise
            return error

    def _digest(self, row: int) -> str:
        """Return the content key of an image; "" if it cannot be used."""
        image = self._image(row)
        return "" if isinstance(image, BadImageError) else source_digest(image.convert("RGB"))

    def _read(self, task: int) -> SourceBlock | None:
        return None if self._blocks is None else self._blocks.read(self.ids(task))

    def _older(self, task: int) -> KnownImages:
        """Return what blocks know that are not of this stage, and the one that this replaces."""
        # Not what other tasks of this stage made: a block must not depend on their order.
        if self._known is None:
            ids = [self.ids(other) for other in range(self.num_tasks)]
            self._known = KnownImages.of([] if self._blocks is None else self._blocks.others(ids))
        replaced = self._read(task)
        if replaced is None:
            return self._known
        older = self._known
        known = KnownImages(dict(older.files), dict(older.vectors), dict(older.shown))
        known.add(replaced)
        return known

    def _stamps(self, task: int) -> list[str]:
        """Return size and time of the file of each image of a block; "" where there is none."""
        return [_stamp(self._source, row) for row in self._rows[task]]


def _stamp(source: Source, row: int) -> str:
    # Only of folders that were opened here: what another dataset does to a file, nobody knows.
    samples = getattr(source.dataset, "samples", None) if source.kind == "imagefolder" else None
    if samples is None:
        return ""
    try:
        found = os.stat(samples[row][0])
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"
