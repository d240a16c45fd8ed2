"""The recipe: baseline, confusion, banks, arms, figures. Each step continues where it stopped."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.datasets import LabelledSet, listing_digest
from benchmarks.measure import environment, without_nan
from benchmarks.training import group_scores, predict, train
from genie_transforms import Bank, UserError
from genie_transforms.format import Manifest, rows_digest, write_json
from index.demo import weights_digest
from index.train import claim_folder

from .arms import ARMS, INVERTED, Arm, banks_of
from .backbone import OWN, own_backbone
from .banks import Confusion, build_banks, label_precision
from .class_embeddings import write_class_embeddings
from .config import LongTailConfig
from .data import LongTail, open_long_tail, open_pool
from .generator import check_models, check_training_sets
from .images import RealImages, plain
from .judge import save_as_judge
from .learned import check_learned
from .pooling import as_bits, check_same_images, read_further
from .report import report, settings_of
from .seed import Seed, appended, lacking, training_images
from .show import show
from .tokens import learn_tokens


def train_arm(seed: Seed, name: str, arm: Arm) -> nn.Module:
    """Train an arm in the folder of its name, or return it trained."""
    images, labels = training_images(seed, arm)
    folder, config = seed.folder / "arms" / name, seed.training(arm)
    content = _content(seed, arm)
    return train(config, images, labels, seed.tail.num_classes, folder, content=content)


def _content(seed: Seed, arm: Arm) -> str:
    """Return a digest of the rows of an arm's bank, "" of an arm without one."""
    bank = seed.banks.get(arm.images)
    if not bank:
        return ""
    # Other arms take all rows, whatever the filter leaves out and a review rejected.
    return Bank.open(bank).content.rows if arm.keep else rows_digest(Manifest.read(bank))


def _check_bank(seed: Seed, name: str) -> None:
    """Refuse figures of an arm whose bank is no longer what it was.

    Raises:
        FolderInUseError: They are of other negatives.
    """
    content = _content(seed, ARMS[name])
    if content:
        claim_folder(seed.folder / "arms" / name, {"content": content})


def confusion_of(network: nn.Module, seed: Seed) -> Confusion:
    """Return the mean probabilities of each class's training images, ``(C, C)`` float64."""
    tail = seed.tail
    images = RealImages(tail.pool, tail.rows, seed.transform or plain(seed.config))
    probabilities, labels = predict(network, images, workers=seed.config.training.workers)
    rows = [probabilities[labels == label].mean(0) for label in range(tail.num_classes)]
    return np.stack(rows).astype(np.float64)


def evaluate(seed: Seed, name: str, network: nn.Module) -> dict[str, Any]:
    """Return an arm's figures on the test images, and which of them it got right."""
    tail, config = seed.tail, seed.config
    test = RealImages(tail.test, np.arange(len(tail.test)), plain(config))
    probabilities, labels = predict(network, test, workers=config.training.workers)
    scores = group_scores(probabilities, labels, tail.counts, config.group_rule)
    losses = _curve(seed.folder / "arms" / name)
    save_as_judge(seed.folder / "arms" / name, network, config, tail.pool.classes)
    precision, filled = about_bank(seed, ARMS[name])
    about = {"arm": name, "mode": ARMS[name].mode, "seed": seed.number, "oracle": precision}
    right = as_bits(probabilities.argmax(1) == labels)
    return {**about, **scores, "filled": filled, "loss_curve": losses, "right": right}


def about_bank(seed: Seed, arm: Arm) -> tuple[float | None, int]:
    """Return the label precision of an arm's bank, and how many negatives it lacked.

    None and 0 of an arm without a bank.
    """
    config, tail = seed.config, seed.tail
    if arm.images not in seed.banks:
        return None, 0
    bank = Bank.open(seed.banks[arm.images], **({} if arm.keep else {"keep": None}))
    precision = label_precision(bank, arm, config, tail.pool.classes)
    if arm.mode != "append":
        return precision, 0
    labels = seed.negatives(arm).labels
    drawn = labels[appended(seed, labels, arm)]
    return precision, len(lacking(seed, [drawn]))


def _curve(folder: Path, points: int = 20) -> list[float]:
    """Return the training's losses as means of at most 20 stretches of steps."""
    losses = torch.load(folder / "checkpoint.pt", weights_only=True)["losses"]
    parts = np.array_split(np.array(losses), min(points, len(losses)))
    return [round(float(part.mean()), 4) for part in parts]


def run_seed(
    config: LongTailConfig, pool: LabelledSet, test: LabelledSet, number: int
) -> list[dict[str, Any]]:
    """Run every arm of a seed; those whose figures are there are not run again.

    Raises:
        UserError: An arm cannot be run with these images.
        FolderInUseError: What is there is of other images.
    """
    folder = config.work / f"seed-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    tail = open_long_tail(config, pool, test, number)
    given = {"genie-ada": config.bank} if config.bank else {}
    seed = Seed(config, tail, folder, number, given)
    _check_arms(config, tail)
    # What is there already is of these images: a folder of photographs may have grown.
    drawn, tested = listing_digest(pool, tail.rows), listing_digest(test, np.arange(len(test)))
    claim_folder(folder, {"training_images": drawn, "test_images": tested})
    wanted = [name for name in banks_of(config.arms) if name not in given]
    if wanted:
        if set(wanted) & set(INVERTED):  # before the baseline: it refuses models that take none
            learn_tokens(config, tail, folder, number)
        confusion = confusion_of(train_arm(seed, "none", ARMS["none"]), seed)
        if config.backbone == OWN:
            backbone = own_backbone(config, tail, folder, number)
        else:
            backbone = config.backbone.format(seed=number)
        config = replace(config, backbone=backbone)
        built = build_banks(wanted, config, tail, folder, number, confusion)
        seed = replace(seed, banks=built | given)
    figures = []
    for name in config.arms:
        path = folder / "arms" / name / "figures.json"
        if path.exists():
            _check_bank(seed, name)
        else:
            write_json(path, without_nan(evaluate(seed, name, train_arm(seed, name, ARMS[name]))))
        figures.append(json.loads(path.read_text()))
    return figures


def _check_arms(config: LongTailConfig, tail: LongTail) -> None:
    """Refuse an arm that would not be what its name says, before hours of training.

    Raises:
        UserError: It lacks real images of the generator's, or its bank is of other classes.
    """
    few = set(tail.few.tolist())
    lacking = few - set(tail.pool.labels[tail.generator_rows].tolist())
    real = [name for name in config.arms if ARMS[name].images == "real"]
    if real and lacking:
        raise UserError(
            f"--arms {real[0]} needs images of every Few class that the generator learned from: "
            "give --half classifier if it learned from the other half, or leave the arm out"
        )
    if config.bank:
        bank = Bank.open(config.bank, keep=None)
        unknown = sorted(set(bank.class_names) - set(tail.pool.classes))
        if unknown:
            raise UserError(f"{config.bank} has classes that the images have not: {unknown[:3]}")


def _begin(config: LongTailConfig, pool: LabelledSet, test: LabelledSet) -> LongTailConfig:
    """Refuse generators that saw other images, claim the folder; return the settings of arms."""
    if banks_of(config.arms):
        check_training_sets(config, pool, test)
        check_learned(config, pool)
    # Without --model the demo's makes the banks, and its oracle judges them.
    demo = {} if config.model else {"demo_weights": weights_digest()}
    claim_folder(config.work, {**config.recipe(), **demo})
    if not config.text_encoder:
        return config
    head = write_class_embeddings(config, pool)
    return replace(config, text_encoder="", training=replace(config.training, head=str(head)))


def main(config: LongTailConfig) -> dict[str, Any]:
    """Run every seed, print the table, write figures and plot.

    Raises:
        UserError: A setting cannot be used with these images or with images at all, a model is
            not there, or several ranks were started.
        FolderInUseError: `work` was begun with other settings.
    """
    config = config.scaled_down()
    if config.training.model == "linear":
        raise UserError(
            "--training.model linear is of features, and this recipe trains on images: give "
            "another, such as resnet10"
        )
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("this recipe is of one process: --training.passes makes it fit one GPU")
    if config.seeds and banks_of(config.arms):
        check_models(config)
    further = read_further(config, settings_of(config))
    pool, test = open_pool(config)
    check_same_images(config, further, pool, test)  # can it be pooled? before hours of training
    if config.seeds:
        config = _begin(config, pool, test)
    figures = []
    for number in config.seeds:
        figures += run_seed(config, pool, test, number)
        print(f"seed {number}: {len(config.arms)} arms", flush=True)
    result = report(config, figures, pool, test)
    show(result, config)
    if config.json:
        write_json(config.json, {**without_nan(result), **environment()})
    return result
