"""Train a small classifier on the demo's images, with and without its bank.

Both are linear classifiers of the demo's backbone, which has never seen these classes. They show
that the pieces fit together, in about a minute, and are no evidence that negatives help: a few
images, a few seeds, and a diffusion model that was trained on such scenes.
"""

from __future__ import annotations

import itertools
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

from .config import ClassifyConfig
from .scenes import CLASSES, SIZE, Scenes
from .weights import load_encoder

HELD_OUT_SEED = 2**18
"""Apart from the seeds of the sources and of what the demo's models were trained on."""


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        num_images: Images trained on.
        num_negatives: Rows of the bank that its filter keeps.
        num_classes: Classes of the images.
        num_classes_with_negatives: Classes that these rows are of.
        num_test: Held-out scenes.
        counters: What the transform did in all trainings with the bank.
        without: Accuracy of each training without the bank, ``(seeds,)`` in [0, 1].
        with_bank: The same with it.
    """

    num_images: int
    num_negatives: int
    num_classes: int
    num_classes_with_negatives: int
    num_test: int
    counters: Any
    without: np.ndarray
    with_bank: np.ndarray


def compare(config: ClassifyConfig) -> Comparison:
    """Train with and without the bank, as often as there are seeds, and test on new scenes.

    Raises:
        BankError: There is no finished bank.
        MissingFileError: The images are not there.
        UserError: The images are not the demo's, or the bank knows none of them.
    """
    bank = Bank.open(config.bank)
    classes, num_images = _look_at(config.images)
    held_out = Scenes(config.num_test, classes, seed=HELD_OUT_SEED)
    blocks = torch.split(held_out.pixels(slice(None)), 100)
    labels = torch.tensor(held_out.targets)
    genie = GeNIeTransform(bank, p=config.p)
    arms: tuple[list[Callable[[Any], Any]], ...] = ([], [genie])
    accuracies = np.empty((2, config.seeds))
    total = len(blocks) + accuracies.size * config.steps
    with tqdm(total=total, desc="train", unit="batch", disable=None) as bar:
        features = Features(bar)
        test = torch.cat([features(block / 255) for block in blocks])
        for seed, (arm, first) in itertools.product(range(config.seeds), enumerate(arms)):
            head = _train(config, first, len(classes), seed, features)
            accuracies[arm, seed] = _accuracy(head, test, labels)
    counters = genie.counters
    if config.p and not counters.replaced:
        raise UserError(
            f"none of the images in {config.images} was replaced, {counters}: was the bank "
            f"{config.bank} built from them?"
        )
    used = len(np.unique(bank.labels))
    return Comparison(
        num_images, len(bank), len(classes), used, len(held_out), counters, *accuracies
    )


def describe(config: ClassifyConfig, result: Comparison) -> str:
    """Say what was compared and what came out; some lines of text."""
    share = result.counters.replaced / result.counters.seen
    lines = [
        f"images       {result.num_images} of {result.num_classes} classes; the bank keeps "
        f"{result.num_negatives} negatives, of {result.num_classes_with_negatives} classes",
        f"training     a linear classifier of frozen features; {config.steps} steps of "
        f"{config.batch_size} images, {config.seeds} seeds",
        f"p = {config.p:<9g}{share:.0%} of the images seen with the bank were negatives",
        f"without      {_spread(result.without)} of {result.num_test} held-out scenes",
        f"with bank    {_spread(result.with_bank)}",
        f"difference   {_spread(result.with_bank - result.without, signed=True)}, by seed",
        "",
        "A negative keeps the label of the image that it replaces, so both kinds of training",
        "see each class equally often, in the same number of steps. The demo's diffusion model",
        "has seen thousands of such scenes, and neither classifier has: any gain is partly what",
        "it knows. So few images and seeds show that the pieces fit together, and nothing more.",
    ]
    return "\n".join(lines)


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
    features: Features,
) -> nn.Linear:
    """Train a linear classifier of the backbone's features on the folder of images.

    Args:
        config: The settings.
        first: What stands before ordinary augmentation.
        num_classes: Size of the classifier.
        seed: Of its weights, and of the order of the images.
        features: The frozen backbone.
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
    head = nn.Linear(features.size, num_classes)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2, weight_decay=1e-2)
    for images, labels in itertools.islice(_endless(loader), config.steps):
        optimizer.zero_grad()
        F.cross_entropy(head(features(images)), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return head


class Features:
    """The features of the demo's backbone, which stays as it is.

    Attributes:
        size: Dimensions.
        bar: Counts the batches that went through.
    """

    def __init__(self, bar: Any) -> None:
        self._backbone, self.bar = load_encoder(), bar
        self.size = self._backbone.num_features

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Map ``(N, 3, 64, 64)`` float images in [0, 1] to ``(N, D)`` of length √D."""
        self.bar.update()
        features: Tensor = F.normalize(self._backbone(images)) * self.size**0.5
        return features


def _endless(loader: DataLoader[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, epoch after epoch."""
    while True:
        yield from loader


@torch.no_grad()
def _accuracy(head: nn.Linear, features: Tensor, labels: Tensor) -> float:
    """Measure the accuracy on features ``(N, D)``."""
    return float((head(features).argmax(1) == labels).double().mean())


def _spread(accuracies: np.ndarray, *, signed: bool = False) -> str:
    """Write accuracies as their mean and each one of them, in percent."""
    sign = "+" if signed else ""
    each = ", ".join(f"{100 * value:{sign}.1f}" for value in accuracies)
    return f"{100 * accuracies.mean():{sign}.1f} {'points' if signed else '%'} ({each})"
