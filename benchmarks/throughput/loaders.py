"""End to end through a DataLoader: images per second, memory of workers, size of banks."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, default_collate
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from genie_transforms import Bank, GeNIeTransform, WithTransforms

from .synthetic import write_bank, write_bank_of, write_folder

NUM_CLASSES = 10


BATCH_SIZE = 64


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Collate:
    """Stacks samples and transforms the batch; a class, since spawned workers must unpickle it."""

    def __init__(self, transform: Callable[..., Any]) -> None:
        self.transform = transform

    def __call__(self, samples: list[Any]) -> Any:
        """Return the transformed batch."""
        return self.transform(*default_collate(samples))


def measure_loaders(work: Path, size: int, *, quick: bool) -> list[dict[str, Any]]:
    """Measure images per second from JPEG files to batches, all arms in turns."""
    num_images, rounds = (256, 3) if quick else (1024, 11)
    photos = write_folder(work / "photos", num_images, NUM_CLASSES, size)
    bank = Bank.open(write_bank_of(work / "photo-bank", photos, NUM_CLASSES, size))
    results = []
    for num_workers in (0, 2):
        arms = loader_arms(photos, bank, size, num_workers)
        speeds: dict[str, list[float]] = {name: [] for name in arms}
        for loader in arms.values():
            _drain(loader)  # starts the workers, fills the page cache
        for _ in range(rounds):
            for name, loader in arms.items():
                start = perf_counter()
                speeds[name].append(_drain(loader) / (perf_counter() - start))
        plain = speeds["no augmentation"]
        for name, taken in speeds.items():
            low, middle, high = quantiles(taken, n=4)
            # Paired by round: a slow moment slows both, and their ratio stays.
            ratio = median(mine / other for mine, other in zip(taken, plain, strict=True))
            results.append(
                {
                    "arm": name,
                    "num_workers": num_workers,
                    "images_per_s": middle,
                    "quartiles": [low, high],
                    "relative": ratio,
                    "rounds": rounds,
                }
            )
    return results


def loader_arms(photos: Path, bank: Bank, size: int, num_workers: int) -> dict[str, Any]:
    """Return a loader for each arm; all read the same files and end in the same transforms."""
    basic = [v2.RandomHorizontalFlip(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    basic.append(v2.Normalize(MEAN, STD))
    plain = v2.Compose(basic)
    cached = bank.decoded(size)

    def loader(dataset: Dataset[Any], collate: Callable[[list[Any]], Any] | None = None) -> Any:
        return DataLoader(
            dataset,
            batch_size=BATCH_SIZE,
            shuffle=True,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            collate_fn=collate,
        )

    def by_image(used: Bank) -> Dataset[Any]:
        dataset: Dataset[Any] = ImageFolder(str(photos), v2.Compose([GeNIeTransform(used), *basic]))
        return dataset

    lazily = v2.Compose([GeNIeTransform(cached, size="stored"), *basic])
    on_batches = GeNIeTransform(cached, mean=MEAN, std=STD, in_place=True)
    folder = ImageFolder(str(photos), plain)
    return {
        "no augmentation": loader(folder),
        "v2.MixUp": loader(folder, Collate(v2.MixUp(num_classes=NUM_CLASSES))),
        "v2.CutMix": loader(folder, Collate(v2.CutMix(num_classes=NUM_CLASSES))),
        "GeNIeTransform, image alone, JPEG": loader(by_image(bank)),
        "GeNIeTransform, image alone, cache": loader(by_image(cached)),
        "GeNIeTransform, collate, cache": loader(folder, Collate(on_batches)),
        "GeNIeTransform, lazy, cache": loader(
            WithTransforms(ImageFolder(str(photos)), lazily, lazy=True)
        ),
        "GeNIeTransform, lazy, JPEG": loader(
            WithTransforms(
                ImageFolder(str(photos)),
                v2.Compose([GeNIeTransform(bank, size="stored"), *basic]),
                lazy=True,
            )
        ),
    }


def _drain(loader: Any) -> int:
    """Exhaust a loader and count the images."""
    return sum(len(labels) for _, labels in loader)


class LabelsOnly(Dataset[Any]):
    """Draws negatives for labels without images, so that nothing but the bank uses memory."""

    def __init__(self, transform: GeNIeTransform, length: int) -> None:
        self.transform = transform
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> int:
        """Draw a negative and drop it."""
        self.transform.draw(index % NUM_CLASSES)
        return index


def measure_memory(work: Path, *, quick: bool) -> list[dict[str, Any]]:
    """Measure the private memory of each of two workers after each epoch, in MiB."""
    num_rows, num_epochs, length = (10_000, 4, 2_000) if quick else (100_000, 10, 20_000)
    bank = Bank.open(write_bank(work / "memory-bank", num_rows, NUM_CLASSES, 64))
    dataset = LabelsOnly(GeNIeTransform(bank, p=1), length)
    results = []
    for method in ("fork", "spawn"):
        loader = DataLoader(
            dataset,
            batch_size=100,
            num_workers=2,
            persistent_workers=True,
            multiprocessing_context=method,
        )
        for epoch in range(1, num_epochs + 1):
            for _ in loader:
                pass
            workers = loader._iterator._workers  # type: ignore[union-attr]
            private = [_private_mib(worker.pid) for worker in workers]
            results.append(
                {"start": method, "rows": num_rows, "epoch": epoch, "private_mib": private}
            )
        del loader
    return results


def _private_mib(pid: int) -> float:
    """Read the memory that a process has written and shares with no other, in MiB.

    Clean pages are left out: they belong to the mapped bank, which the kernel keeps once for all
    processes and drops at will; they count as private while only one process has touched them.
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (size,) = re.findall(r"^Private_Dirty:\s+(\d+) kB", text, re.MULTILINE)
    return int(size) / 1024


def measure_sizes(work: Path, *, quick: bool) -> list[dict[str, Any]]:
    """Measure how the cost of a bank grows with its rows."""
    results = []
    for num_rows in (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000):
        path = write_bank(work / f"size-{num_rows}", num_rows, 1_000, 32)
        start = perf_counter()
        bank = Bank.open(path)
        opened = perf_counter() - start
        transform = GeNIeTransform(bank, p=1)
        labels = torch.randint(0, 1_000, (2_000,)).tolist()
        times = []
        for label in labels:
            start = perf_counter()
            transform.draw(label)
            times.append(perf_counter() - start)
        results.append(
            {
                "rows": num_rows,
                "open_ms": opened * 1e3,
                "us_per_sample": median(times) * 1e6,
                "pickle_bytes": len(pickle.dumps(transform)),
            }
        )
    return results
