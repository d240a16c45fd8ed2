"""The first stage: embed the source images, a block at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from genie_transforms import BankError, source_digest
from index.embed import Backbone, EmbeddingIndex
from index.sources import Source, fit_to
from index.store import SourceBlock, SourceBlocks

from .tasks import Order

Vector = npt.NDArray[np.float32]

BLOCK = 256
"""Images of one block. The embeddings of a block come from one call, whoever makes it."""


@dataclass
class _Known:
    """What older blocks know: of a file that has not changed all, of what was embedded the vector.

    Attributes:
        files: By name and stamp: content key, what was embedded, and its vector.
        vectors: By the content key of what was embedded.
    """

    files: dict[tuple[str, str], tuple[str, str, Vector]]
    vectors: dict[str, Vector]

    @classmethod
    def of(cls, blocks: list[SourceBlock]) -> _Known:
        known = cls({}, {})
        for block in blocks:
            known.add(block)
        return known

    def add(self, block: SourceBlock) -> None:
        for name, stamp, digest, shown, vector in zip(
            block.ids, block.stamps, block.digests, block.shown, block.embeddings, strict=True
        ):
            if stamp:
                self.files.setdefault((name, stamp), (digest, shown, vector))
            self.vectors.setdefault(shown, vector)


class EmbedSources:
    """A stage with a task for each block of source images.

    Args:
        source: The images.
        backbone: Embeds them.
        resolution: Side at which they are embedded, in pixels.
        blocks: Where finished blocks are; if not given, they stay in this process.
        keep: Whether to write blocks: a dry run only reads them.
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
    ) -> None:
        self.backbone = backbone
        self._source, self._resolution = source, resolution
        self._blocks, self._keep = blocks, keep
        starts = range(0, len(source), BLOCK)
        self._rows = [range(start, min(start + BLOCK, len(source))) for start in starts]
        self._done: dict[int, SourceBlock] = {}
        self._known: _Known | None = None

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

        Images without a file are read for that.
        """
        found = self._read(task)
        if found is None or found.stamps != self._stamps(task):
            return False
        for row, stamp, digest in zip(self._rows[task], found.stamps, found.digests, strict=True):
            if not stamp and source_digest(self._source.image(row)) != digest:
                return False
        self._done[task] = found
        return True

    def run(self, task: int) -> None:
        """Embed the images of a block that no earlier block knows."""
        known, ids, stamps = self._older(task), self.ids(task), self._stamps(task)
        digests: list[str] = []
        shown: list[str] = []
        images: dict[int, torch.Tensor] = {}
        vectors = np.zeros((len(ids), self.backbone.dimension), dtype=np.float32)
        for place, row in enumerate(self._rows[task]):
            found = known.files.get((ids[place], stamps[place]))
            if found is not None:
                digest, seen, vectors[place] = found
            else:
                original = self._source.image(row)
                image = fit_to(original, self._resolution)
                digest, seen = source_digest(original), source_digest(image)
                if seen in known.vectors:
                    vectors[place] = known.vectors[seen]
                else:
                    images[place] = image
            digests.append(digest)
            shown.append(seen)
        if images:
            vectors[list(images)] = self.backbone(torch.stack(list(images.values())))
        block = SourceBlock(ids, stamps, digests, shown, vectors)
        if self._blocks is not None and self._keep:
            self._blocks.write(block)
        self._done[task] = block

    def index(self) -> EmbeddingIndex:
        """Put all blocks into an index, once they are there; ids are rows of the source.

        Raises:
            BankError: Somebody removed one.
        """
        index = EmbeddingIndex(self.backbone.dimension)
        for task, rows in enumerate(self._rows):
            # Another process may have made it.
            block = self._done.get(task) or self._read(task)
            if block is None:
                raise BankError(f"the embeddings of block {task} are gone: run the build again")
            numbers = np.asarray(rows, dtype=np.int64)
            index.add(
                block.embeddings, numbers, self._source.labels[list(rows)], list(block.digests)
            )
        return index

    def remove_others(self) -> None:
        """Remove the blocks of images that are no longer there, or now in other blocks."""
        if self._blocks is not None:
            self._blocks.keep_only(self.ids(task) for task in range(self.num_tasks))

    def _read(self, task: int) -> SourceBlock | None:
        return None if self._blocks is None else self._blocks.read(self.ids(task))

    def _older(self, task: int) -> _Known:
        """Return what blocks know that are not of this stage, and the one that this replaces."""
        # Not what other tasks of this stage made: a block must not depend on their order.
        if self._known is None:
            ids = [self.ids(other) for other in range(self.num_tasks)]
            self._known = _Known.of([] if self._blocks is None else self._blocks.others(ids))
        replaced = self._read(task)
        if replaced is None:
            return self._known
        known = _Known(dict(self._known.files), dict(self._known.vectors))
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
