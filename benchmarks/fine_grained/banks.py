"""The banks of an episode: what the builder makes from its few support images.

Fine-grained sets have too many classes to sweep every image towards all of them, so each episode
gets banks of its support alone. Nothing in them can come from any other image.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.datasets import LabelledSet
from benchmarks.episodes import (
    SAME_CLASS,
    Episode,
    EvaluatedImages,
    Pool,
    PoolConfig,
    decoded_rows,
)
from genie_transforms.format import write_json
from index.build import build
from index.config import PAPER_NOISE_RATIOS, BuildConfig
from index.embed import Backbone
from index.sources import fit_to
from index.store import read_table

from .config import SAME_CLASS_ARMS

NOISE_RATIOS = (*PAPER_NOISE_RATIOS, 1.0)
"""The sweep of every episode; r = 1 is Txt2Img."""


@dataclass(frozen=True)
class EpisodeBanks:
    """Make the pool of one episode after the other.

    Attributes:
        work: Folder that receives a folder for each episode.
        data: Support and query images.
        backbone: Embeds everything.
        build: Settings of the builder: model, steps, prompt, stored size.
        same_class: The arms of `SAME_CLASS_ARMS` that are wanted.
    """

    work: Path
    data: LabelledSet
    backbone: Backbone
    build: BuildConfig
    same_class: tuple[str, ...] = SAME_CLASS_ARMS

    def embedded(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Embed some of the real images, ``(M, D)`` unit norm, at the size that banks have."""
        blocks = np.split(rows, range(256, len(rows), 256))
        return np.concatenate([self.backbone(self._pixels(block)) for block in blocks])

    def _pixels(self, rows: npt.NDArray[np.int64]) -> Tensor:
        side = self.build.store_resolution
        return torch.stack([fit_to(self.data[int(row)][0], side) for row in rows])

    def pool(
        self, number: int, episode: Episode, queries: npt.NDArray[np.float32]
    ) -> tuple[Pool, Episode]:
        """Make the banks of an episode, or continue them, and embed what they hold.

        Args:
            number: Names the folder.
            episode: Rows and classes of `data`.
            queries: Embeddings of its query images, ``(Q, D)``.

        Returns:
            A pool of this episode's images alone, and the episode in rows and classes of it: the
            support first, class by class.

        Raises:
            ValueError: A pair gave no image.
        """
        n_way, k_shot = episode.n_way, episode.k_shot
        folder = self.work / f"{number:03d}"
        names = self._write_support(folder, episode)
        common = replace(self.build, source=str(folder / "support"), class_names=str(names))
        sweep = replace(common, out=folder / "sweep", noise_ratios=NOISE_RATIOS, keep_sweep=True)
        swept = _embed_sweep(build(sweep), self.backbone, n_way * k_shot, n_way)
        same_class = {}
        for arm in self.same_class:
            config = replace(
                common, out=folder / arm, method="img2img", noise_ratio=SAME_CLASS[arm],
                variations=n_way - 1,
            )  # fmt: skip
            bank = build(config)
            same_class[arm] = _embed_variations(bank, self.backbone, n_way * k_shot, n_way - 1)
        support = np.arange(n_way * k_shot)
        starts = np.cumsum([len(support), *map(len, episode.query)]).tolist()
        ranges = [range(start, stop) for start, stop in pairwise(starts)]
        local = Episode(
            tuple(range(n_way)),
            tuple(map(tuple, support.reshape(n_way, k_shot).tolist())),
            tuple(map(tuple, ranges)),
        )
        pool = Pool(
            config=PoolConfig(
                work=folder, per_class=k_shot, variations=n_way - 1, noise_ratios=NOISE_RATIOS
            ),
            class_names=tuple(self.data.names[label].display for label in episode.classes),
            labels=np.concatenate([local.support_labels, local.query_labels]),
            images=self._pixels(episode.support_rows),
            embeddings=np.concatenate([self.embedded(episode.support_rows), queries]),
            swept=_embedded_only(swept),
            same_class={arm: _embedded_only(part) for arm, part in same_class.items()},
            backbone=self.backbone,
            network_rows={},
            seconds={},
            digest="",
        )
        return pool, local

    def _write_support(self, folder: Path, episode: Episode) -> Path:
        """Write the support as an ImageFolder and a file of its class names; return the file."""
        names: dict[str, dict[str, str]] = {}
        for label, rows in zip(episode.classes, episode.support, strict=True):
            name = f"{label:04d} {self.data.classes[label]}"
            spoken = self.data.names[label]
            names[name] = {"name": spoken.display, "superclass": spoken.superclass}
            (folder / "support" / name).mkdir(parents=True, exist_ok=True)
            for row in rows:
                image, path = self.data.images[row], folder / "support" / name / f"{row:08d}"
                if isinstance(image, Path):
                    shutil.copyfile(image, path.with_suffix(image.suffix))
                else:
                    self.data[row][0].save(path.with_suffix(".png"))
        write_json(folder / "class-names.json", names)
        return folder / "class-names.json"


def _embedded_only(embeddings: npt.NDArray[np.float32]) -> EvaluatedImages:
    """Hold embeddings alone: no oracle knows these classes, and no mask their backgrounds."""
    axes = embeddings.shape[:-1]
    hits, psnr = np.zeros(axes, dtype=np.bool_), np.full(axes, np.nan)
    no_pixels = torch.zeros((*axes, 3, 0, 0), dtype=torch.uint8)
    return EvaluatedImages(no_pixels, embeddings, hits, psnr)


def _embed_sweep(
    bank: Path, backbone: Backbone, num_support: int, num_classes: int
) -> npt.NDArray[np.float32]:
    """Embed a bank with `keep_sweep` of every image towards every other class, ``(S, C, R, D)``."""
    ids = sorted(set(read_table(bank, ["source_id"])["source_id"].to_pylist()))
    shape = num_support, num_classes, len(NOISE_RATIOS), backbone.dimension
    embeddings = np.zeros(shape, np.float32)
    expected = num_support * (num_classes - 1)
    # Row by row: the images of an episode's sweeps need not fit into memory.
    for row in decoded_rows(bank, ["source_id", "label", "sweep"], expected=expected):
        embeddings[ids.index(row["source_id"]), row["label"]] = backbone(row["sweep"])
    return embeddings


def _embed_variations(
    bank: Path, backbone: Backbone, num_support: int, variations: int
) -> npt.NDArray[np.float32]:
    """Embed a bank of images made again within their class, ``(S, V, D)``."""
    embeddings: defaultdict[str, list[npt.NDArray[np.float32]]] = defaultdict(list)
    expected = num_support * variations
    for row in decoded_rows(bank, ["source_id", "image"], expected=expected):
        embeddings[row["source_id"]].append(backbone(row["image"][None])[0])  # variations in order
    return np.stack([np.stack(embeddings[name]) for name in sorted(embeddings)])
