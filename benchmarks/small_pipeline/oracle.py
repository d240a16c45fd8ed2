"""What the oracle of a small pipeline sees: in Txt2Img images, and in real ones."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.datasets import LabelledSet, open_dataset, pixels_of
from benchmarks.measure import environment, without_nan
from genie_transforms import MissingFileError, UserError
from genie_transforms.format import write_json
from index.demo import load_oracle, oracle_names
from index.device import choose_device
from index.diffusion import Family, load_family
from index.diffusion.sampling import SweepPair, SweepSettings, pair_seed, sweep
from index.sources import make_prompts
from index.sources.config import DEFAULT_PROMPT
from index.train import SmallResNet

from .check import CheckConfig
from .config import SmallPipelineConfig
from .run import split_rows

logger = logging.getLogger("genie.small_pipeline")


def main(config: CheckConfig) -> dict[str, Any]:
    """Measure, print and write; exit with 1 if the oracle sees too little.

    Raises:
        UserError: The dataset has other classes than the oracle, or its test images have.
        MissingFileError: The training is not there, or not finished.
    """
    device = choose_device(config.device)
    training = read_training(config)
    train, test = (open_dataset(training.data, config.root, part) for part in ("train", "test"))
    oracle = load_oracle(config.trained / "oracle.safetensors")
    _check_classes(config, oracle, train, test)
    _, tested = split_rows(training, train, test)
    real = pixels_of(test, tested, training.resolution)
    family = load_family(str(config.trained / "pipeline"), dtype=config.dtype, device=device)
    steps = config.num_inference_steps or family.default_num_inference_steps
    made = txt2img(family, train, config.per_class, steps, config.seed)
    wanted = np.repeat(np.arange(len(train.classes)), config.per_class)
    found = {
        "txt2img": seen(oracle, made, wanted, train.classes),
        "real": seen(oracle, real, test.labels[tested], train.classes),
    }
    show(found)
    about = {"least": config.least, "per_class": config.per_class, "num_inference_steps": steps}
    about |= {"guidance_scale": family.default_guidance_scale, "seed": config.seed}
    trained = {k: v for k, v in vars(training).items() if not isinstance(v, Path)}
    result = {**found, "settings": about, "training": trained}
    if config.json:
        write_json(config.json, {**without_nan(result), **environment()})
    share = found["txt2img"]["oracle_accuracy"]
    if share < config.least:
        logger.error(
            "error: the oracle sees the class in %.1f %% of the Txt2Img images of %s, but --least "
            "wants %.1f: train it longer before banks are made with it",
            100 * share, config.trained, 100 * config.least,
        )  # fmt: skip
        sys.exit(1)
    return result


def read_training(config: CheckConfig) -> SmallPipelineConfig:
    """Return how a small pipeline was trained, as its `train.json` says.

    Raises:
        MissingFileError: There is none, or no oracle.
        UserError: It is of another command.
    """
    for name in ("train.json", "oracle.safetensors"):
        if not (config.trained / name).is_file():
            raise MissingFileError(
                f"no {name} in {config.trained}: benchmarks.small_pipeline writes it at its end"
            )
    path = config.trained / "train.json"
    about = json.loads(path.read_text(encoding="utf-8"))["config"]
    if "data" not in about:
        raise UserError(f"{path} is not of benchmarks.small_pipeline, which says its data there")
    known = {field.name for field in fields(SmallPipelineConfig)}
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in about.items()
        if name in known
    }
    given |= {"root": config.root, "out": config.trained, "work": config.trained}
    return SmallPipelineConfig(**given)


def _check_classes(
    config: CheckConfig, oracle: SmallResNet, train: LabelledSet, test: LabelledSet
) -> None:
    if train.classes != test.classes:
        other = sorted(set(train.classes) ^ set(test.classes))
        raise UserError(
            f"training and test images of {config.root} have other classes, such as {other[:3]}"
        )
    if oracle.head.out_features != len(train.classes):
        raise UserError(
            f"the oracle of {config.trained} knows {oracle.head.out_features} classes, and "
            f"{config.root} has {len(train.classes)}: is it what it was trained on?"
        )


def txt2img(
    family: Family, data: LabelledSet, per_class: int, num_inference_steps: int, seed: int
) -> Tensor:
    """Generate images from pure noise as a bank of Txt2Img does, class by class.

    Returns:
        ``(C * per_class, 3, R, R)`` uint8.
    """
    settings = SweepSettings(
        num_inference_steps=num_inference_steps, guidance_scale=family.default_guidance_scale
    )
    blank = torch.zeros(1, 3, family.resolution, family.resolution, dtype=torch.uint8)
    images: list[Tensor] = []
    prompts = zip(data.classes, make_prompts(DEFAULT_PROMPT, data.names), strict=True)
    for name, prompt in tqdm(list(prompts), desc="txt2img", unit="class", disable=None):
        pairs = [
            SweepPair(0, prompt, (1.0,), pair_seed("", name, variation, seed))
            for variation in range(per_class)
        ]
        images += sweep(family, blank, pairs, settings).images
    return torch.cat(images)


def seen(
    oracle: SmallResNet, images: Tensor, labels: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Return in which share of images the oracle sees their class, ready for JSON.

    Args:
        oracle: The classifier.
        images: ``(N, 3, R, R)`` uint8.
        labels: ``(N,)`` int64.
        classes: Their names.

    Returns:
        `oracle_accuracy`; the same `by_class`, NaN of a class without images; `images`, their
        number.
    """
    names = np.array(classes)
    right = np.array(oracle_names(images, oracle=oracle, classes=classes)) == names[labels]
    by_class = {
        name: float(right[labels == label].mean()) if (labels == label).any() else float("nan")
        for label, name in enumerate(classes)
    }
    return {"oracle_accuracy": float(right.mean()), "by_class": by_class, "images": len(images)}


def show(found: dict[str, Any]) -> None:
    """Print in how many images the oracle sees the class."""
    print(f"{'oracle sees the class in %':28}{'Txt2Img':>9}{'real':>9}")
    rows = {
        name: (kind["by_class"][name] for kind in found.values())
        for name in found["real"]["by_class"]
    }
    rows["all"] = (kind["oracle_accuracy"] for kind in found.values())
    for name, shares in rows.items():
        print(f"{name:28}{''.join(f'{100 * share:9.1f}' for share in shares)}")
