"""An episode's own banks: what its few support images give, made by the builder of banks.

Fine-grained sets have too many classes to sweep every image towards all of them, so each episode
gets banks of its support alone. Nothing in them can come from any other image.
"""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from benchmarks.datasets import LabelledSet
from benchmarks.episodes import SAME_CLASS, Episode, EvaluatedImages, Pool, PoolConfig
from genie_transforms.format import write_json
from index.build import build
from index.config import BuildConfig
from index.embed import Backbone
from index.sources import fit_to
from index.store import read_table

NOISE_RATIOS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


VARIED = ("img2img-low", "img2img-high")
"""The arms that make an image anew within its class, each from a bank of its own."""


@dataclass(frozen=True)
class EpisodeBanks:
    """Makes the pool of one episode after the other.

    Attributes:
        work: Folder that receives a folder for each episode.
        data: Support and query images.
        backbone: Embeds everything.
        build: Settings of the builder: model, steps, prompt, stored size.
        varied: The arms of `VARIED` that are wanted.
    """

    work: Path
    data: LabelledSet
    backbone: Backbone
    build: BuildConfig
    varied: tuple[str, ...] = VARIED

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
            ValueError: A pair gave no picture.
        """
        n_way, k_shot = episode.n_way, episode.k_shot
        folder = self.work / f"{number:03d}"
        names = self._write_support(folder, episode)
        common = replace(self.build, source=str(folder / "support"), class_names=str(names))
        sweep = replace(common, out=folder / "sweep", noise_ratios=NOISE_RATIOS, keep_sweep=True)
        swept = _read_sweep(build(sweep), self.backbone, n_way * k_shot, n_way)
        again = {}
        for arm in self.varied:
            config = replace(
                common, out=folder / arm, method="img2img", noise_ratio=SAME_CLASS[arm],
                variations=n_way - 1,
            )  # fmt: skip
            again[arm] = _read_again(build(config), self.backbone, n_way * k_shot, n_way - 1)
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
            swept=_unseen(swept),
            same_class={arm: _unseen(embeddings) for arm, embeddings in again.items()},
            backbone=self.backbone,
            network_rows={},
            seconds={},
            digest="",
        )
        return pool, local

    def _write_support(self, folder: Path, episode: Episode) -> Path:
        """Write the support as an ImageFolder and the file of its class names; give the latter."""
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


def _unseen(embeddings: npt.NDArray[np.float32]) -> EvaluatedImages:
    """Hold embeddings only: no oracle knows these classes, and no mask their backgrounds."""
    axes = embeddings.shape[:-1]
    hits, psnr = np.zeros(axes, dtype=np.bool_), np.full(axes, np.nan)
    return EvaluatedImages(torch.zeros(0, dtype=torch.uint8), embeddings, hits, psnr)


def _read_sweep(
    bank: Path, backbone: Backbone, num_support: int, num_classes: int
) -> npt.NDArray[np.float32]:
    """Embed a bank with `keep_sweep` of every image towards every other class, ``(S, C, R, D)``."""
    table = read_table(bank, ["source_id", "label", "sweep"])
    _check_complete(bank, len(table), num_support * (num_classes - 1))
    ids = sorted(set(table["source_id"].to_pylist()))  # they begin with the class
    found = np.zeros((num_support, num_classes, len(NOISE_RATIOS), backbone.dimension), np.float32)
    for row in _rows(table):
        found[ids.index(row["source_id"]), row["label"]] = backbone(_decoded(row["sweep"]))
    return found


def _read_again(
    bank: Path, backbone: Backbone, num_support: int, variations: int
) -> npt.NDArray[np.float32]:
    """Embed a same-class bank, ``(S, V, D)``."""
    table = read_table(bank, ["source_id", "image"])
    _check_complete(bank, len(table), num_support * variations)
    ids = np.array(table["source_id"].to_pylist())
    embedded = np.concatenate([backbone(_decoded([row["image"]])) for row in _rows(table)])
    return np.stack([embedded[ids == name] for name in np.unique(ids)])  # variations in order


def _rows(table: Any) -> Any:
    """Give the rows of a table one by one, for a sweep is large."""
    for batch in table.to_batches(max_chunksize=1):
        yield from batch.to_pylist()


def _decoded(cells: list[dict[str, Any]]) -> Tensor:
    images = []
    for cell in cells:
        with Image.open(io.BytesIO(cell["bytes"])) as picture:
            images.append(VF.pil_to_tensor(picture.convert("RGB")))
    return torch.stack(images)


def _check_complete(bank: Path, found: int, wanted: int) -> None:
    if found != wanted:
        failed = [path.name for path in sorted((bank / "stats").glob("*.json"))]
        raise ValueError(
            f"{bank} has {found} of {wanted} pictures; {', '.join(failed)} in {bank / 'stats'} "
            "say why the others failed"
        )
