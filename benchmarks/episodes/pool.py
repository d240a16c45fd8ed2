"""The pool that all episodes share: real images, and everything that is generated from them.

Each support image is swept over r towards every other class, and made again within its own class,
once, by the builder of banks. An episode then only selects, so hundreds of them are cheap.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genie_transforms import FolderInUseError
from genie_transforms.format import Manifest, write_json
from index.build import build
from index.config import BuildConfig
from index.diffusion import with_timesteps
from index.diffusion.sampling import first_index
from index.embed import Backbone, load_backbone
from index.store import read_stats
from index.train import make_scheduler

from .captioned import make_captioned
from .config import PoolConfig
from .episodes import Episode
from .images import EvaluatedImages, GeneratedImages, Repeats, cached, evaluate_images
from .ratios import SAME_CLASS
from .sets import FewShotSet, open_few_shot_set
from .sweeps import read_sweep, read_variations


@dataclass(frozen=True)
class Pool:
    """Real and generated images.

    Attributes:
        config: What it was made with.
        class_names: Names of the C classes; labels are positions in it.
        labels: Of the real images, first S for support, then the queries, ``(P,)`` int64.
        images: The real images, ``(P, 3, H, W)`` uint8.
        embeddings: Of the real images, ``(P, D)`` float32, unit norm.
        swept: Every support image towards every other class, axes ``(S, C, R)``.
        same_class: By arm, axes ``(S, V)``.
        backbone: What embedded everything.
        network_rows: Rows that went through the denoiser for each part, guidance counted.
        seconds: How long each part took to generate.
        digest: Key of the content, which results are cached under.
        learned: Real images of the generator's own training set, ``(C, M, 3, H, W)`` uint8, if
            there are any at hand.
        again: Every image of Txt2Img twice, if it was asked for (`with_repeats`).
        inverted: What was generated with an episode's own tokens, by episode and arm, in the
            order of `inverted_pairs`.
    """

    config: PoolConfig
    class_names: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    images: Tensor
    embeddings: npt.NDArray[np.float32]
    swept: EvaluatedImages
    same_class: Mapping[str, EvaluatedImages]
    backbone: Backbone
    network_rows: Mapping[str, int]
    seconds: Mapping[str, float]
    digest: str
    learned: Tensor | None = None
    again: Repeats | None = None
    inverted: Mapping[Episode, Mapping[str, EvaluatedImages]] = field(default_factory=dict)

    @property
    def num_support(self) -> int:
        """S, the number of support images."""
        return len(self.class_names) * self.config.per_class

    def place(self, noise_ratio: float) -> int:
        """Return the position of a noise ratio in the sweep.

        Raises:
            ValueError: It was not swept.
        """
        if noise_ratio not in self.config.noise_ratios:
            raise ValueError(f"r = {noise_ratio} was not swept: {self.config.noise_ratios}")
        return self.config.noise_ratios.index(noise_ratio)


@cache
def network_rows_of(noise_ratio: float, num_inference_steps: int) -> int:
    """Count the rows that an image costs in a small pipeline's denoiser, guidance counted."""
    grid = with_timesteps(make_scheduler(), num_inference_steps).timesteps
    return 2 * (len(grid) - first_index(grid, noise_ratio))  # with the prompt and without


@cache
def few_shot_set(config: PoolConfig) -> FewShotSet:
    """Open the real images of a pool, and what belongs to them."""
    return open_few_shot_set(config.data, config.per_class, config.queries_per_class)


def make_pool(config: PoolConfig) -> Pool:
    """Make the pool; what is there already is read.

    Raises:
        FolderInUseError: `config.work` holds another pool, or one by other models.
        ValueError: A pair gave no image.
    """
    data, backbone = few_shot_set(config), load_backbone(config.data.backbone)
    _claim(config, data.images)
    data.write_support(config.work / "support")

    parts = _generate(config, data)
    content = [json.dumps(backbone.fingerprint(), sort_keys=True).encode()]
    images = [data.images, data.learned, *(part.images for part in parts.values())]
    content += [part.numpy().tobytes() for part in images]
    content.append(data.oracle.encode())  # what it says of them is kept under this key
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in content)).hexdigest()
    evaluated = {}
    for name, part in parts.items():
        path = config.work / f"{name}-seen.npz"
        arrays = cached(path, digest, partial(evaluate_images, part.images, data, backbone))
        evaluated[name] = EvaluatedImages(part.images, **arrays)
    return Pool(
        config=config,
        class_names=data.class_names,
        labels=data.labels,
        images=data.images,
        embeddings=backbone(data.images),
        swept=evaluated.pop("sweep"),
        same_class=evaluated,
        backbone=backbone,
        network_rows={name: part.network_rows for name, part in parts.items()},
        seconds={name: round(part.seconds, 1) for name, part in parts.items()},
        digest=digest,
        learned=data.learned,
    )


def _claim(config: PoolConfig, real: Tensor) -> None:
    """Write down which pool the folder holds, or refuse it if it holds another one."""
    path = config.work / "pool.json"
    wanted = {
        "per_class": config.per_class,
        "queries_per_class": config.queries_per_class,
        "images_sha256": hashlib.sha256(real.numpy().tobytes()).hexdigest(),
    }
    if not path.exists():
        write_json(path, wanted)
    elif (found := json.loads(path.read_text())) != wanted:
        raise FolderInUseError(
            f"{config.work} holds another pool, of {found['per_class']} support and "
            f"{found['queries_per_class']} query images a class: give another --work, or remove it"
        )


def _generate(config: PoolConfig, data: FewShotSet) -> dict[str, GeneratedImages]:
    """Build the banks, and what no bank can hold."""
    steps, variations = config.num_inference_steps, config.variations
    common, ids, num_classes = common_build(config), data.support_ids, len(data.class_names)
    sweep = BuildConfig(
        out=config.work / "sweep", noise_ratios=config.noise_ratios, keep_sweep=True, **common
    )
    parts = {"sweep": _build(sweep, lambda bank: read_sweep(bank, ids, num_classes))}
    for arm in ("img2img-low", "img2img-high"):
        same_class = BuildConfig(
            out=config.work / arm,
            method="img2img",
            noise_ratio=SAME_CLASS[arm],
            variations=variations,
            **common,
        )
        parts[arm] = _build(same_class, lambda bank: read_variations(bank, ids, variations))
    if data.captions:
        ratio, path = SAME_CLASS["cap2aug"], config.work / "cap2aug.npz"
        parts["cap2aug"] = make_captioned(path, data, ratio, variations, steps)
    return parts


def common_build(config: PoolConfig) -> dict[str, Any]:
    """Return the settings that all banks of a pool share."""
    data = few_shot_set(config)
    names = config.work / "class-names.json"
    if data.spoken:
        # Without superclasses: `benchmarks.small_pipeline` has learned none.
        spoken = zip(data.class_names, data.spoken, strict=True)
        write_json(names, {name: each.display for name, each in spoken})
    return {
        "source": str(config.work / "support"),
        "class_names": str(names) if data.spoken else "",
        "model": data.model,
        "backbone": data.backbone,
        "num_inference_steps": config.num_inference_steps,
    }


def _build(config: BuildConfig, read: Callable[[Path], Tensor]) -> GeneratedImages:
    """Build a bank and read its images."""
    bank = build(config)
    seconds = sum(sum(entry["seconds"].values()) for entry in read_stats(bank))
    return GeneratedImages(read(bank), Manifest.read(bank).counts["network_rows"], seconds)
