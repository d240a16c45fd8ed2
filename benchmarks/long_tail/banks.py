"""The banks of a seed: negatives of the Few classes, made from the most confused ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets import LEARNED
from genie_transforms import Bank, MissingFileError, UserError
from genie_transforms.format import write_json
from index import BuildConfig, build_bank
from index.demo import CLASSES, SIZE, load_oracle, oracle_names
from index.diffusion import read_index
from index.sources import fit_to

from .arms import Arm
from .config import LongTailConfig
from .data import LongTail
from .images import SMALL, Negatives

Confusion = npt.NDArray[np.float64]

PROMPTS = "prompts.json"
"""In a seed's folder: prompts of each class, if they are others than its name's."""


def check_models(config: LongTailConfig) -> None:
    """Refuse models that are not there, before a baseline is trained for hours.

    Raises:
        UserError: There is no such diffusion model, or it has learned from the images that the
            classifiers will, and nobody said that this is meant.
        MissingFileError: There is no such oracle.
    """
    if config.model:
        read_index(config.model, None)
        _check_half(config)
    if config.oracle and not Path(config.oracle).is_file():
        raise MissingFileError(
            f"no oracle at {config.oracle}: give the file oracle.safetensors that "
            "benchmarks.small_pipeline wrote"
        )


def _check_half(config: LongTailConfig) -> None:
    """Refuse a small pipeline that saw the classifiers' images, as far as names can tell.

    `check_learned` tells by the images, of every model that says which ones it learned from.
    """
    about = Path(config.model).parent / "train.json"
    if config.half == "whole" or not about.is_file() or about.with_name(LEARNED).is_file():
        return
    learned = json.loads(about.read_text())["config"]
    half = learned.get("half", "whole")
    apart = (half, config.drawn_half) == ("generator", "classifier")
    if learned.get("data") == config.data and not apart:
        raise UserError(
            f"{config.model} learned from the {half} of {config.data}, and classifiers would draw "
            f"from the {config.drawn_half}: give --half classifier with a model that "
            "benchmarks.small_pipeline trained with --half generator, or --half whole if you want "
            "to measure a generator that has seen the training images; if these are other images, "
            "run the command that trained it again, which trains nothing twice, but now writes "
            f"{LEARNED}, what it learned from"
        )


def build_config(
    name: str, config: LongTailConfig, tail: LongTail, folder: Path, seed: int
) -> BuildConfig:
    """Return the build of one bank, but for its source.

    Args:
        name: A name that `Arm.images` may have.
        config: The experiment; its backbone is the seed's.
        tail: The training set; `folder` holds the confusion of its baseline.
        folder: Folder of the seed; its `PROMPTS`, if there are any, are those of the bank.
        seed: Of the plan and the noise.
    """
    common = BuildConfig(
        out=folder / "banks" / name,
        class_names=str(folder / "class-names.json"),
        prompts=str(folder / PROMPTS) if (folder / PROMPTS).is_file() else "",
        model=config.model,
        backbone=config.backbone or ("" if config.model else "demo"),
        device=config.device,
        dtype=config.dtype,
        num_inference_steps=config.num_inference_steps,
        # Larger ones are cropped at random areas: as they were made, no coarser than photographs.
        store_resolution=config.size if config.size <= SMALL else 0,
        only_classes=tuple(tail.pool.classes[label] for label in tail.few),
        per_class=config.per_class,
        pairs=f"confusion:{min(config.confused, tail.num_classes - 1)}",
        confusion=str(folder / "confusion.npy"),
        # A Few class of 5 wants 50 images of itself, and 4 classes of 5 give 20 pairs.
        variations=config.per_class,
        seed=seed,
        preview=0,
    )
    if name == "genie-ada":
        return replace(common, ada=config.ada, keep_sweep=config.ada == "full")
    if name == "random-sources":
        return replace(common, keep_sweep=True, pairs="all", confusion="")
    fixed = {"genie": ("genie", 0.8), "img2img": ("img2img", 0.7), "img2img-low": ("img2img", 0.3)}
    if name in fixed:
        method, ratio = fixed[name]
        if method == "img2img":  # whose only target is the image's own class
            common = replace(common, pairs="all", confusion="")
        return replace(common, method=method, noise_ratio=ratio)  # type: ignore[arg-type]
    return replace(common, method="txt2img")


def build_banks(
    names: list[str],
    config: LongTailConfig,
    tail: LongTail,
    folder: Path,
    seed: int,
    confusion: Confusion,
) -> dict[str, Path]:
    """Build the banks that are wanted, or continue them; return their folders by name."""
    np.save(folder / "confusion.npy", confusion)
    spoken = zip(tail.pool.classes, tail.pool.names, strict=True)
    write_json(
        folder / "class-names.json",
        {name: {"name": s.display, "superclass": s.superclass} for name, s in spoken},
    )
    source = tail.training_set
    return {
        name: build_bank(build_config(name, config, tail, folder, seed), source).path
        for name in names
    }


def label_precision(
    bank: Bank, arm: Arm, config: LongTailConfig, classes: list[str]
) -> float | None:
    """Return the share of a bank's images in which the oracle sees their label; None without it.

    The oracle is the classifier that was trained with a small pipeline, on real images only.
    """
    if config.model and not config.oracle:
        return None
    if not len(bank):
        return None
    oracle = load_oracle(Path(config.oracle)) if config.oracle else load_oracle()
    # The demo's oracle knows scenes at their own size, other oracles those of their training.
    size = config.size if config.oracle else SIZE
    images = Negatives(bank, classes, arm, lambda image: fit_to(image, size))
    pixels = torch.stack([images[row][0] for row in range(len(images))])
    seen = oracle_names(pixels, oracle=oracle, classes=classes if config.oracle else CLASSES)
    right = [name == classes[label] for name, label in zip(seen, images.labels, strict=True)]
    return float(np.mean(right))
