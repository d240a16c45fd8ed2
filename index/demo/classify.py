"""Train a small classifier on the demo's images, with and without its bank: `make train`.

It shows that the pieces fit together, in about a minute. It is no evidence that negatives help:
a few images, a few seeds, and a diffusion model that was trained on such scenes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from tqdm import tqdm

from genie_transforms import Bank, GeNIeTransform, MissingFileError, UserError
from index.command import run_command
from index.train import SmallResNet

from .scenes import CLASSES, SIZE, Scenes

HELD_OUT_SEED = 2**18
"""Apart from the seeds of the sources and of what the demo's models were trained on."""


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig:
    """Train a small classifier with and without the demo's bank, and test both on new scenes.

    Attributes:
        bank: The bank that `python -m index.build` made.
        images: The images that it was made from, which the build left beside it.
        p: Probability with which an image is replaced by a negative.
        steps: Optimiser steps of each training.
        seeds: Trainings of each kind.
        batch_size: Images of one step.
        num_test: Held-out scenes of each class.
    """

    bank: Path = Path("genie-bank")
    images: Path = Path("demo-images")
    p: float = 0.5
    steps: int = 150
    seeds: int = 3
    batch_size: int = 32
    num_test: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "seeds", "batch_size", "num_test"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        without: Accuracy on held-out scenes of each training without the bank, ``(seeds,)``.
        with_bank: The same with it.
        hits: The share of the images chosen for replacement that were replaced, in [0, 1].
        lines: All of it in words.
    """

    without: np.ndarray
    with_bank: np.ndarray
    hits: float
    lines: list[str]


def main() -> None:
    """Run the command line."""
    run_command(lambda config: print(_text(config)), ClassifyConfig, "index.demo.classify")


def _text(config: ClassifyConfig) -> str:
    return "\n".join(compare(config).lines)


def compare(config: ClassifyConfig) -> Comparison:
    """Train with and without the bank, as often as there are seeds, and test on new scenes.

    Raises:
        BankError: There is no finished bank.
        MissingFileError: The images are not there.
        UserError: The images are not the demo's, or the bank knows none of them.
    """
    start = time.perf_counter()
    bank = Bank.open(config.bank)
    classes, num_images = _look_at(config.images)
    held_out = Scenes(config.num_test, classes, seed=HELD_OUT_SEED)
    test = held_out.pixels(slice(None)), torch.tensor(held_out.targets)
    genie = GeNIeTransform(bank, p=config.p)
    arms: dict[str, list[Callable[[Any], Any]]] = {"without": [], "with": [genie]}
    accuracies: dict[str, list[float]] = {arm: [] for arm in arms}
    with tqdm(total=2 * config.seeds * config.steps, desc="train", unit="step", disable=None) as bar:
        for seed in range(config.seeds):
            for arm, first in arms.items():
                model = _train(config, first, len(classes), seed, bar)
                accuracies[arm].append(_accuracy(model, *test))
    if config.p and not genie.counters.replaced:
        raise UserError(
            f"none of the images in {config.images} was replaced, {genie.counters}: was the bank "
            f"{config.bank} built from them?"
        )
    without, with_bank = (np.array(accuracies[arm]) for arm in arms)
    result = Comparison(without, with_bank, genie.counters.hit_share, [])
    used = sorted({bank.class_names[label] for label in bank.labels.tolist()})
    result.lines += [
        f"images       {num_images} of {len(classes)} classes; "
        f"{len(bank)} negatives, of {len(used)} classes",
        f"training     {config.steps} steps of {config.batch_size}, {config.seeds} seeds; p = "
        f"{config.p:g}: {genie.counters.replaced / genie.counters.seen:.0%} of the images seen "
        f"were negatives",
        f"tested on    {len(held_out)} held-out scenes",
        f"without      {_spread(without)}",
        f"with bank    {_spread(with_bank)}",
        f"difference   {_spread(with_bank - without, signed=True)}, paired by seed",
        *_CAVEATS,
        f"this run     {time.perf_counter() - start:.0f} s",
    ]
    return result


_CAVEATS = [
    "A negative keeps the label of the image that it replaces, so both kinds of training see every",
    "class equally often, for the same number of steps. The demo's diffusion model was trained on",
    "thousands of such scenes, which the classifier has not seen: what it knows is part of any",
    "gain. So few images and seeds show that the pieces fit, not that negatives help.",
]


def _look_at(folder: Path) -> tuple[list[str], int]:
    """Return the classes of the demo's images, and how many there are."""
    if not folder.is_dir():
        raise MissingFileError(
            f"--images {folder}: no such folder; `make demo` or `python -m index.build` leaves the "
            f"demo's images beside its bank"
        )
    photos = ImageFolder(str(folder))
    foreign = sorted(set(photos.classes) - set(CLASSES))
    if foreign:
        raise UserError(
            f"--images {folder} has the classes {foreign}, of which there are no held-out scenes: "
            f"this command is for the demo's images"
        )
    return photos.classes, len(photos)


def _train(
    config: ClassifyConfig,
    first: list[Callable[[Any], Any]],
    num_classes: int,
    seed: int,
    bar: Any,
) -> SmallResNet:
    """Train a classifier from scratch on the folder of images.

    Args:
        config: The settings.
        first: What stands before ordinary augmentation.
        num_classes: Size of its head.
        seed: Of the weights, and of the order of the images.
        bar: Shows the steps.
    """
    torch.manual_seed(seed)
    augment = v2.Compose(
        [
            *first,
            v2.RandomCrop(SIZE, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    train = ImageFolder(str(config.images), transform=augment)
    # A generator of its own: both kinds of training see the same images in the same order.
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(train, config.batch_size, shuffle=True, generator=order)
    model = SmallResNet(width=16, num_classes=num_classes).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    batches = _endless(loader)
    for _ in range(config.steps):
        images, labels = next(batches)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        bar.update()
    return model.eval()


def _endless(loader: DataLoader[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, epoch after epoch."""
    while True:
        yield from loader


@torch.inference_mode()
def _accuracy(model: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    """Measure the accuracy on ``(N, 3, 64, 64)`` uint8 pixels."""
    guesses = [model(block.float() / 255).argmax(1) for block in pixels.split(256)]
    return float((torch.cat(guesses) == labels).double().mean())


def _spread(accuracies: np.ndarray, *, signed: bool = False) -> str:
    """Write accuracies as their mean and each one of them, in percent."""
    sign = "+" if signed else ""
    each = ", ".join(f"{100 * value:{sign}.1f}" for value in accuracies)
    return f"{100 * accuracies.mean():{sign}.1f} {'points' if signed else '%'} ({each})"


if __name__ == "__main__":
    main()
