"""What finished blocks of embeddings know of images, so that none is embedded twice."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.store import SourceBlock

logger = logging.getLogger("genie.build")

Vector = npt.NDArray[np.float32]


@dataclass
class KnownImages:
    """What older blocks know: of a file that has not changed all, of what was embedded the vector.

    Attributes:
        files: By name and stamp: content key, fast key, what was embedded, and its vector.
        vectors: By the content key of what was embedded.
        shown: By name and content key: the content key of what was embedded.
    """

    files: dict[tuple[str, str], tuple[str, bytes, str, Vector]]
    vectors: dict[str, Vector]
    shown: dict[tuple[str, str], str]

    @classmethod
    def of(cls, blocks: list[SourceBlock]) -> KnownImages:
        """Return what these blocks know."""
        known = cls({}, {}, {})
        for block in blocks:
            known.add(block)
        return known

    def add(self, block: SourceBlock) -> None:
        """Add what a block knows; of a file that is known, only how it is shown."""
        about = zip(block.ids, block.stamps, block.problems, strict=True)
        found = zip(block.digests, block.pixel_keys, block.shown, block.embeddings, strict=True)
        for (name, stamp, problem), (digest, key, shown, vector) in zip(about, found, strict=True):
            if problem:
                continue
            if stamp and key:
                self.files.setdefault((name, stamp), (digest, key, shown, vector))
            self.vectors.setdefault(shown, vector)
            self.shown[name, digest] = shown

    def warn_of_turned(self, block: SourceBlock) -> None:
        """Warn of images that training reads as before, but the model sees otherwise."""
        turned = [
            name
            for name, digest, shown in zip(block.ids, block.digests, block.shown, strict=True)
            if self.shown.get((name, digest), shown) != shown
        ]
        if turned:
            logger.warning(
                "%d images, such as %s, have the pixels of before, but are turned or scaled "
                "otherwise (EXIF, or another version of Pillow): negatives that were made of them "
                "stay; build into a new folder for others",
                len(turned), turned[0],
            )  # fmt: skip
