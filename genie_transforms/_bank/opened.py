"""What one process has mapped and read of a bank."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genie_transforms._errors import BankFormatError
from genie_transforms.format import (
    MANIFEST,
    PIXEL_KEYS,
    SOURCES,
    KnownSources,
    Manifest,
    PixelKeys,
    bank_file,
    rows_digest,
    sha256_of,
)

from .expression import parse_keep
from .filter import FilterResult, apply_keep
from .lookup import ClassIndex, RowNumbers, SourceIndex
from .tables import ShardTable


class Content(NamedTuple):
    """Digests of what numbers that were made from a bank depend on; a pickle keeps them.

    Attributes:
        classes: Of the class names in their order: numbers of classes.
        rows: Of the rows that the filter kept in their order: numbers of rows, and tables of them.
    """

    classes: str
    rows: str


@dataclass(frozen=True)
class OpenedBank:
    """A mapped bank under a filter, with its indexes.

    Attributes:
        manifest: What `genie.json` says.
        table: The rows on disk, all of them.
        physical: ``(N,)`` rows on disk that the filter kept.
        kept: What the filter dropped.
        labels: ``(N,)`` target classes.
        source_labels: ``(N,)`` source classes.
        classes: Rows of each class.
        sources: Rows and label of each source image.
        pixel_keys: Fast keys of source images; None for a bank without, or with others.
    """

    manifest: Manifest
    table: ShardTable
    physical: RowNumbers
    kept: FilterResult
    labels: RowNumbers
    source_labels: RowNumbers
    classes: ClassIndex
    sources: SourceIndex
    pixel_keys: PixelKeys | None

    @cached_property
    def content(self) -> Content:
        """What tells its classes and its rows from others."""
        # The rows that were kept, too: a rejection or another filter leaves the shards as they are.
        rows = hashlib.sha256(rows_digest(self.manifest).encode())
        rows.update(self.physical.data)
        names = repr(self.manifest.class_names).encode()
        return Content(hashlib.sha256(names).hexdigest()[:32], rows.hexdigest()[:32])

    @cached_property
    def has_pairs_within_classes(self) -> bool:
        """Whether source and target of a row are one class, as Img2Img makes them."""
        return bool((self.labels == self.source_labels).any())

    @classmethod
    def read(cls, path: Path, keep: str | None) -> OpenedBank:
        """Map the shards, apply the filter and index the rows."""
        manifest = Manifest.read(path)
        num_rows = manifest.num_rows
        table = ShardTable(path, manifest)
        clauses = [] if keep is None else parse_keep(keep, table.flat_columns)
        mask, kept = apply_keep(
            clauses, table.arrow.column, num_rows, manifest.class_names, table.class_columns
        )
        physical = np.flatnonzero(mask)
        # Three numberings meet here: rows on disk, rows that the filter kept (`physical` leads from
        # these to those) and, for the look-up by source, the way back; -1 for rows left out.
        positions = np.full(num_rows, -1, dtype=np.int64)
        positions[physical] = np.arange(len(physical))
        # Of all rows, not only of those kept: the class of an image does not depend on the filter.
        sources, labels = table.column("source_label"), table.column("label")[physical]
        names = manifest.class_names
        classes = ClassIndex(labels, len(names))
        return cls(
            manifest=manifest,
            table=table,
            physical=physical,
            kept=replace(
                kept,
                num_classes=len(names),
                empty_classes=tuple(names[k] for k in np.flatnonzero(classes.counts == 0)),
            ),
            labels=labels,
            source_labels=sources[physical],
            classes=classes,
            sources=SourceIndex(table.digests(), sources, positions, _known(path, manifest)),
            pixel_keys=_pixel_keys(path, manifest),
        )


def _known(path: Path, manifest: Manifest) -> KnownSources | None:
    """Map the list of all sources; banks of earlier versions have none."""
    if manifest.sources is None:
        return None
    file = bank_file(path, SOURCES)
    known = KnownSources.read(file, manifest.sources, len(manifest.class_names))
    _check_sum(file, manifest.sources)
    return known


def _pixel_keys(path: Path, manifest: Manifest) -> PixelKeys | None:
    """Map the fast keys; banks of earlier versions have none."""
    entry = manifest.known_pixel_keys
    if entry is None:
        return None
    file = bank_file(path, PIXEL_KEYS)
    keys = PixelKeys.read(file, entry)
    _check_sum(file, entry)
    return keys


def _check_sum(path: Path, entry: Mapping[str, Any]) -> None:
    """Refuse a file that is not the manifest's: it would name other classes for the images."""
    if sha256_of(path) != entry["sha256"]:
        raise BankFormatError(
            f"{path} is not what {MANIFEST} says: the bank was copied in part, or is damaged, or "
            "is being built again"
        )
