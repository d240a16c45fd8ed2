"""What lies beside the rows of a merged bank: statistics, embeddings, judgements, all sources."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genie_transforms._errors import BankFormatError

from .carried import carry_judgements
from .files import write_json
from .manifest import Manifest
from .pixel_keys import PIXEL_KEYS, PixelKeys
from .shards import read_bank, read_shard, write_shard
from .sources import SOURCES, KnownSources
from .untrusted import bank_file

logger = logging.getLogger("genie.bank")

Mask = npt.NDArray[np.bool_]

MergeIndex = Callable[[Path, Sequence[Path], Sequence[Sequence[int]]], None]
"""Writes the folder `index/` of a merged bank: into its folder, from those of its parts, where
class i of part p is class `numbers[p][i]`."""


@dataclass(frozen=True)
class Part:
    """One of the banks that are merged.

    Attributes:
        path: Its folder.
        manifest: What its `genie.json` says.
        numbers: The number in the merged bank of each of its classes.
    """

    path: Path
    manifest: Manifest
    numbers: list[int]

    @property
    def shards(self) -> list[Path]:
        """The files of its rows."""
        return [self.path / shard["name"] for shard in self.manifest.shards]

    def known_sources(self) -> KnownSources:
        """Return its sources in the merged numbers; those of its rows if it knows no others."""
        if self.manifest.sources is not None:
            path, count = bank_file(self.path, SOURCES), len(self.numbers)
            return KnownSources.read(path, self.manifest.sources, count).renumbered(self.numbers)
        columns = ["source_digest", "source_label"]
        rows = pa.concat_tables(
            [table.select(columns) for table in read_bank(self.path, self.manifest)]
        )
        digests, labels = (rows[name].to_pylist() for name in columns)
        try:
            return KnownSources.of(digests, labels).renumbered(self.numbers)
        except (ValueError, TypeError, IndexError) as error:
            raise BankFormatError(
                f"{self.path} has digests or labels that are none: see `python -m index.verify "
                f"{self.path}`"
            ) from error

    def pixel_keys(self) -> PixelKeys | None:
        """Return the fast keys of its sources; None if it has none of this library's hash."""
        entry = self.manifest.known_pixel_keys
        return None if entry is None else PixelKeys.read(bank_file(self.path, PIXEL_KEYS), entry)


@dataclass
class MergedFiles:
    """Writes the files beside the rows of a merged bank.

    Attributes:
        parts: The banks.
        class_names: Names of the classes of the merged bank.
        merge_index: Merges their indexes; None to merge none.
        kept: The rows that were kept, a mask for each shard that was written so far.
    """

    parts: Sequence[Part]
    class_names: Sequence[str]
    merge_index: MergeIndex | None = None
    kept: list[Mask] = field(default_factory=list)

    def pixel_keys(self) -> PixelKeys | None:
        """Return the fast keys of all parts that have some; None if none has.

        The images of a part without keys, or with those of another hash, are found by digest.
        """
        keys = [found for part in self.parts if (found := part.pixel_keys()) is not None]
        return PixelKeys.union(keys) if keys else None

    def known_sources(self) -> KnownSources | None:
        """Return the sources of all parts; None if none of them knows more than its rows'."""
        if all(part.manifest.sources is None for part in self.parts):
            return None
        return KnownSources.union([part.known_sources() for part in self.parts])

    def agreed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what recipe and fingerprint say alike of what the embeddings are of."""
        manifests = [part.manifest for part in self.parts]
        recipe = _common([m.recipe for m in manifests], ("backbone", "resolution"))
        return recipe, _common([m.fingerprint for m in manifests], ("backbone",))

    def __call__(self, folder: Path, shards: list[dict[str, Any]]) -> None:
        """Write the files, once all rows are there.

        Args:
            folder: The merged bank.
            shards: The manifest's entries of its shards.
        """
        for number, shard in enumerate(shards):
            about = {"shard": shard, "failures": [], "network_rows": 0, "seconds": {}}
            write_json(folder / "stats" / f"{number:05d}.json", about)
        embeddings = [_embeddings_of(shard) for part in self.parts for shard in part.shards]
        if self._all_have("embeddings", embeddings):
            for number, (path, mask) in enumerate(zip(embeddings, self.kept, strict=True)):
                table = read_shard(path)
                if table.num_rows != len(mask):
                    raise BankFormatError(
                        f"{path} holds {table.num_rows} pairs, its shard {len(mask)}: rebuild the "
                        f"bank"
                    )
                table = table.filter(pa.array(mask))
                write_shard(folder / "embeddings" / f"{number:05d}.arrow", table)
        indexes = [part.path / "index" / "index.json" for part in self.parts]
        if self.merge_index is not None and self._all_have("index", indexes):
            numbers = [part.numbers for part in self.parts]
            self.merge_index(folder, [part.path for part in self.parts], numbers)
        merged = Manifest(list(self.class_names), {}, {}, {}, shards, {})
        for name in carry_judgements([part.path for part in self.parts], folder, merged):
            logger.warning(
                "the merged bank gets no judgement %s: the banks have different ones of that name, "
                "or it has more classes than the judge was asked for; judge it again", name
            )  # fmt: skip

    def _all_have(self, what: str, paths: Sequence[Path]) -> bool:
        """Tell whether all parts have a file, of one backbone; say why not where some have it."""
        there = [path.is_file() for path in paths]
        if not any(there):
            return False
        if not all(there):
            reason = f"{paths[there.index(False)]} is missing"
        elif "backbone" not in self.agreed()[1]:
            reason = "the banks were embedded by different backbones"
        else:
            return True
        logger.warning("the merged bank gets no %s: %s", what, reason)
        return False


def _embeddings_of(shard: Path) -> Path:
    """Return where the embeddings of a shard lie: beside `data-00003-of-00042.arrow`, file 3."""
    return shard.parent / "embeddings" / f"{shard.name.split('-')[1]}.arrow"


def _common(descriptions: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return the entries that all descriptions have, and alike."""
    first = descriptions[0]
    return {
        name: first[name]
        for name in names
        if all(name in other and other[name] == first.get(name) for other in descriptions)
    }
