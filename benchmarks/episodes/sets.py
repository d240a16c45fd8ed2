"""What few-shot episodes are drawn from: real images of classes that the backbone never saw.

The demo's scenes are drawn on the spot. Any dataset that `benchmarks.datasets` opens may take their
place, with a pipeline and an oracle of `benchmarks.small_pipeline` and your own backbone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from benchmarks.datasets import class_split, open_splits, rows_of_half
from benchmarks.measure import background_psnr
from genie_transforms import MissingFileError, UserError
from genie_transforms.format import sha256_of
from index.demo import NOVEL_CLASSES, ORACLE, PIPELINE, Scenes, load_oracle, oracle_names, render
from index.diffusion.sampling import derived_seed
from index.sources import ClassName, fit_to

from .choice import DEMO, DataChoice
from .encoders import check_novel

LEARNED = 40
"""Images of each class that the arm `real-g` draws from, if there are as many."""

_SEED = 2**19  # apart from the scenes of training and of the demo's bank


@dataclass(frozen=True)
class FewShotSet:
    """Support and query images, and the models that fit them.

    Attributes:
        class_names: Names of the C classes, sorted; labels are positions in it.
        images: First S for support, then the queries, ``(P, 3, R, R)`` uint8.
        labels: ``(P,)`` int64.
        num_support: S; they lie class by class.
        model: The pipeline's folder; empty for the demo's.
        backbone: What embeds.
        learned: Images of the generator's own training set, or of what it was drawn from,
            ``(C, M, 3, R, R)`` uint8, M at most `LEARNED`.
        names_of: The oracle: predicts the classes' names of images ``(N, 3, R, R)`` uint8.
        oracle: The sha256 of its file.
        captions: Of each support image; empty if there are none.
        masks: Objects of the support images, ``(S, R, R)`` bool, if known.
        spoken: How prompts speak of each class; like its folder, if empty.
    """

    class_names: tuple[str, ...]
    images: Tensor
    labels: npt.NDArray[np.int64]
    num_support: int
    model: str
    backbone: str
    learned: Tensor
    names_of: Callable[[Tensor], list[str]]
    oracle: str
    captions: tuple[str, ...] = ()
    masks: Tensor | None = None
    spoken: tuple[ClassName, ...] = ()

    @property
    def support(self) -> Tensor:
        """The support images, ``(S, 3, R, R)`` uint8."""
        return self.images[: self.num_support]

    @property
    def pipeline(self) -> str:
        """The folder to open the model from."""
        return self.model or str(PIPELINE)

    @property
    def support_ids(self) -> list[str]:
        """Files of the support images below the folder that `write_support` wrote."""
        labels = self.labels[: self.num_support].tolist()
        return [f"{self.class_names[label]}/{row:06d}.png" for row, label in enumerate(labels)]

    def write_support(self, root: Path) -> None:
        """Write the support images in the layout of `ImageFolder`; files that exist stay."""
        for name, image in zip(self.support_ids, self.support, strict=True):
            path = root / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                VF.to_pil_image(image).save(path)

    def background_psnr(
        self, images: Tensor, rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Measure how well backgrounds of images are kept, against their sources.

        Args:
            images: ``(M, V, 3, R, R)`` uint8.
            rows: The support image that each of the M was made from.

        Returns:
            ``(M, V)`` float64, dB; NaN without masks.
        """
        if self.masks is None:
            return np.full(tuple(images.shape[:2]), np.nan)
        each = [
            background_psnr(image[None], self.images[[row]], self.masks[[row]])[0]
            for image, row in zip(images, rows, strict=True)
        ]
        return np.stack(each)


def open_few_shot_set(choice: DataChoice, per_class: int, queries_per_class: int) -> FewShotSet:
    """Open the images of a few-shot evaluation.

    Args:
        choice: Which.
        per_class: Support images of each class.
        queries_per_class: Query images of each class, none of them a support image.

    Raises:
        UserError: A class is unknown, or has too few images, or is not novel to the backbone.
        MissingFileError: The dataset or the oracle is not there.
    """
    opened = _demo if choice.is_demo else partial(_test_split, choice)
    return opened(per_class, queries_per_class)


def _demo(per_class: int, queries_per_class: int) -> FewShotSet:
    names = tuple(sorted(NOVEL_CLASSES))  # in the order of ImageFolder
    support = Scenes(per_class, names, _SEED)
    queries = Scenes(queries_per_class, names, _SEED + 1)
    # The generator's own scenes are drawn by the same rules, and as good as endless.
    learned = Scenes(LEARNED, names, _SEED + 2)
    return FewShotSet(
        class_names=names,
        images=torch.cat([scenes.pixels(slice(None)) for scenes in (support, queries)]),
        labels=np.array(support.targets + queries.targets, dtype=np.int64),
        num_support=len(support),
        model="",
        backbone=DEMO,
        learned=torch.stack(torch.split(learned.pixels(slice(None)), LEARNED)),
        names_of=oracle_names,
        oracle=sha256_of(ORACLE),
        captions=tuple(support.caption(row) for row in range(len(support))),
        masks=render(support.params)[1],
    )


def _test_split(choice: DataChoice, per_class: int, queries_per_class: int) -> FewShotSet:
    if choice.root is None or choice.trained is None:
        raise UserError(f"{choice.name} needs data.root and data.trained")
    _, data = open_splits(choice.name, choice.root)
    unknown = sorted(set(choice.classes) - set(data.classes))
    if unknown:
        known = ", ".join(data.classes)
        raise UserError(f"{choice.name} has no classes {unknown}; choose among {known}")
    model, names = choice.trained / "pipeline", tuple(sorted(choice.classes or data.classes))
    if choice.class_split is not None:
        names = class_split(data.classes, choice.class_split).novel
    check_novel(choice.backbone, names, of_a_split=choice.class_split is not None)
    weights = choice.trained / "oracle.safetensors"
    if not weights.is_file():
        raise MissingFileError(
            f"there is no {weights}: python -m benchmarks.small_pipeline writes it"
        )
    _check_complete(choice.trained)
    oracle = load_oracle(weights)
    size = int(AutoencoderKL.load_config(model, subfolder="vae")["sample_size"])
    parts: list[list[int]] = [[], []]
    for name in names:
        rows = np.flatnonzero(data.labels == data.classes.index(name))
        if len(rows) < per_class + queries_per_class:
            raise UserError(
                f"class {name!r} of {choice.name} has {len(rows)} test images, {per_class} for "
                f"support and {queries_per_class} queries are needed"
            )
        order = np.random.default_rng(derived_seed(_SEED, name)).permutation(rows)
        parts[0] += order[:per_class].tolist()
        parts[1] += order[per_class : per_class + queries_per_class].tolist()
    taken = [*parts[0], *parts[1]]
    return FewShotSet(
        class_names=names,
        images=torch.stack([fit_to(data[row][0], size) for row in taken]),
        labels=np.array([names.index(data.classes[data.targets[row]]) for row in taken]),
        num_support=len(parts[0]),
        model=str(model),
        backbone=choice.backbone,
        learned=_learned(choice, names, size),
        names_of=partial(oracle_names, oracle=oracle, classes=tuple(data.classes)),
        oracle=sha256_of(weights),
        spoken=tuple(data.names[data.classes.index(name)] for name in names),
    )


def _check_complete(trained: Path) -> None:
    """Refuse a generator of a part of its half: its oracle is no judge of the rest.

    Nor are the images of `_learned` all its own.
    """
    settings = json.loads((trained / "train.json").read_text(encoding="utf-8"))["config"]
    part = {name: settings.get(name) for name in ("largest", "leave_out") if settings.get(name)}
    if part:
        raise UserError(
            f"{trained} learned from a part of the images, with {part}: give a generator that "
            "benchmarks.small_pipeline trained on all classes of its half"
        )


def _learned(choice: DataChoice, names: tuple[str, ...], size: int) -> Tensor:
    """Draw images of each class that the generator of a dataset was trained on."""
    if choice.root is None or choice.trained is None:
        raise UserError(f"{choice.name} needs data.root and data.trained")
    data, _ = open_splits(choice.name, choice.root)
    about = json.loads((choice.trained / "train.json").read_text(encoding="utf-8"))
    half = rows_of_half(data, about["config"].get("half", "whole"))
    of_class = [half[data.labels[half] == data.classes.index(name)] for name in names]
    most = min(LEARNED, *map(len, of_class))
    drawn = []
    for name, rows in zip(names, of_class, strict=True):
        order = np.random.default_rng(derived_seed(_SEED, f"learned {name}")).permutation(rows)
        drawn.append(torch.stack([fit_to(data[int(row)][0], size) for row in order[:most]]))
    return torch.stack(drawn)
