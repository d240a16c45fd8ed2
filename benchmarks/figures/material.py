"""What figures are drawn from: the pairs of a bank with its sweeps, and whoever judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from benchmarks.episodes import FewShotSet
from genie_transforms import UserError
from genie_transforms.format import Manifest, decode_image, planes_of
from index.config import PAPER_NOISE_RATIOS
from index.embed import EmbeddingIndex
from index.generate import select
from index.sources import Source, fit_to, open_source
from index.store import finished_shards, pairs_of_shard, read_table

from .config import FiguresConfig

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SweptBank:
    """The P pairs of a bank, each at R noise ratios, and the S images that it was made from.

    Attributes:
        class_names: Names of the C classes; labels are positions in it.
        noise_ratios: The sweep, increasing.
        sources: The source image of each pair, ``(P,)`` int64 in [0, S).
        targets: Its target class, ``(P,)`` int64.
        seeds: What its noise was drawn from, ``(P,)`` int64.
        projections: d_r of its sweep, ``(P, R)`` float64.
        embeddings: Of its sweep, ``(P, R, D)`` float64, unit norm.
        source_labels: Classes of all images, ``(S,)`` int64.
        source_embeddings: ``(S, D)`` float64, unit norm.
        centroids: Of the classes, ``(C, D)`` float64.
        images: The images themselves.
        source_ids: Name of each pair's source image among them.
        sweeps: The column of encoded sweeps, of which one pair is decoded at a time.
    """

    class_names: Sequence[str]
    noise_ratios: tuple[float, ...]
    sources: Integers
    targets: Integers
    seeds: Integers
    projections: Floats
    embeddings: Floats
    source_labels: Integers
    source_embeddings: Floats
    centroids: Floats
    images: Source
    source_ids: Sequence[str]
    sweeps: pa.ChunkedArray

    @classmethod
    def read(cls, folder: Path) -> SweptBank:
        """Read a finished bank.

        Raises:
            BankError: There is no bank, or it is damaged.
            MissingFileError: The images it was made from are not where they were.
            UserError: It has no sweeps, or no pair with a whole one.
        """
        manifest = Manifest.read(folder)
        recipe = manifest.recipe
        if not recipe.get("keep_sweep") or len(recipe["noise_ratios"]) < 2:
            raise UserError(f"{folder} has no sweeps: build it with --method genie-ada and "
                            "--keep-sweep")  # fmt: skip
        shards = sorted(finished_shards(folder))
        pairs = [pair for shard in shards for pair in pairs_of_shard(folder, shard)]
        if not pairs:
            raise UserError(f"{folder} has no pairs")
        index = EmbeddingIndex.load(folder / "index")
        rows: Any = [pair.row for pair in pairs]
        places = [index.row_of_digest(row["source_digest"]) for row in rows]
        return cls(
            class_names=manifest.class_names,
            noise_ratios=tuple(recipe["noise_ratios"]),
            sources=np.array(places, dtype=np.int64),
            targets=np.array([row["label"] for row in rows], dtype=np.int64),
            seeds=np.array([row["seed"] for row in rows], dtype=np.int64),
            projections=np.array([row["projections"] for row in rows], dtype=np.float64),
            embeddings=np.stack([pair.embeddings[:-1] for pair in pairs]).astype(np.float64),
            source_labels=index.labels,
            source_embeddings=index.embeddings().astype(np.float64),
            centroids=index.centroids(),
            images=open_source(recipe["source"], recipe.get("image_root", "")),
            source_ids=[row["source_id"] for row in rows],
            sweeps=read_table(folder, ["sweep"])["sweep"],
        )

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.sources)

    @cached_property
    def chosen(self) -> Integers:
        """Place of r* in each sweep, ``(P,)`` int64: Algorithm 1 over the paper's noise ratios.

        Over all of the bank's where it has fewer than two of these.
        """
        paper = [place for place, r in enumerate(self.noise_ratios) if r in PAPER_NOISE_RATIOS]
        columns = np.array(paper if len(paper) > 1 else range(len(self.noise_ratios)))
        return np.asarray(columns[select(self.projections[:, columns])], dtype=np.int64)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.images.ids)}

    def place(self, noise_ratio: float) -> int:
        """Return the position of a noise ratio in the sweep, or of the one nearest to it."""
        return int(np.abs(np.array(self.noise_ratios) - noise_ratio).argmin())

    def sweep(self, pair: int) -> Tensor:
        """Decode the sweep of a pair, ``(R, 3, H, W)`` uint8."""
        cells = self.sweeps[pair].as_py()
        return torch.stack([planes_of(decode_image(memoryview(cell["bytes"]))) for cell in cells])

    def source(self, pair: int) -> Tensor:
        """Read the source image of a pair as the model sees it, ``(3, H, W)`` uint8."""
        side = self.sweep(pair).shape[-1]
        return fit_to(self.images.image(self._rows[self.source_ids[pair]]), side)

    def between(self, source: int, target: int) -> Integers:
        """Return the pairs from one class to another."""
        own = self.source_labels[self.sources] == source
        return np.flatnonzero(own & (self.targets == target))


@dataclass(frozen=True)
class Material:
    """What a figure is drawn from.

    Attributes:
        config: The settings.
        bank: The pairs.
    """

    config: FiguresConfig
    bank: SweptBank

    def line(self) -> tuple[int, int]:
        """Return the classes that trajectories lead from and to.

        Raises:
            UserError: There is no such class, or no pair between them.
        """
        names = list(self.bank.class_names)
        for name in (self.config.source_class, self.config.target_class):
            if name and name not in names:
                raise UserError(f"{name!r} is none of the classes, {names[:10]} …")
        own = self.bank.source_labels[self.bank.sources]
        for source, target in zip(own.tolist(), self.bank.targets.tolist(), strict=True):
            if (self.config.source_class or names[source]) == names[source] and (
                self.config.target_class or names[target]
            ) == names[target]:
                return source, target
        wanted = self.config.source_class or "any class", self.config.target_class or "any other"
        raise UserError(f"the bank has no pair from {wanted[0]} to {wanted[1]}")


@dataclass(frozen=True)
class Made(Material):
    """What a figure is drawn from, if the bank was made here: more can be made.

    Attributes:
        data: Images, models and oracle.
        work: Folder that receives what is made.
    """

    data: FewShotSet
    work: Path

    def seen(self, images: Tensor) -> npt.NDArray[np.str_]:
        """Return the class that the oracle names for images ``(*A, 3, H, W)`` uint8, ``(*A,)``."""
        names = self.data.names_of(images.flatten(0, -4) if images.ndim > 4 else images)
        return np.array(names).reshape(tuple(images.shape[:-3]))


def spread(count: int, wanted: int) -> list[int]:
    """Choose at most `wanted` of `count` places, evenly spread."""
    wanted = min(count, wanted)
    return [place * count // wanted for place in range(wanted)]
