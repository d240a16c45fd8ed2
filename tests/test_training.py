"""Every block of code in docs/training.md runs, replaces images, and leaves true labels."""

from __future__ import annotations

import hashlib
import os
import pickle
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.multiprocessing import start_processes
from torchvision.datasets import CIFAR10

from genie_transforms import UserError
from tests.blocks import python_blocks
from tests.coded import POOL, coded_image, red_of, write_coded_bank

ROOT = Path(__file__).parents[1]
BLOCKS = python_blocks((ROOT / "docs" / "training.md").read_text())
NAMES = ["bird", "cat", "dog"]
BANK_ORDER = ["dog", "bird", "cat"]  # no number means the same class as in the folder
SOURCES = [NAMES[index % 3] for index in range(6)]

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Frame:
    """What is to be known of a block, to look at what it yields.

    Attributes:
        normal: Mean and standard deviation of its images.
        smoothing: Of its soft labels.
        share: The share of negatives among its images, with p = 1.
        names: Of its classes.
    """

    normal: tuple[tuple[float, ...], tuple[float, ...]] = (0.0,) * 3, (1.0,) * 3
    smoothing: float = 0.0
    share: float = 1.0
    names: tuple[str, ...] = tuple(NAMES)


FRAMES = {
    "`ImageFolder`": Frame(),
    "torchvision's reference scripts": Frame(IMAGENET),
    "CIFAR-10": Frame(names=POOL),
    "timm": Frame(IMAGENET),
    "timm's `Mixup`": Frame(IMAGENET, smoothing=0.1),
    "Lightning": Frame(),
    "Hugging Face `datasets`": Frame(),
    "Hugging Face `map`": Frame(),
    "Hugging Face `Trainer`": Frame(),
    "Together with CutMix": Frame(),
    "FFCV": Frame(IMAGENET),
    "DALI": Frame(),
    "A class-balanced sampler": Frame(),
    "Appended to the real data": Frame(share=12 / 18),
    "Exact shares of each batch": Frame(share=1 / 3),
}
OTHERS = {"Labels that change", "Several processes (DDP)"}

# Other people's libraries warn of what a test does not mind; timm leaves files to the collector.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true:UserWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with images and their banks."""
    write_coded_bank(tmp_path / "genie-bank", BANK_ORDER, SOURCES)
    for number, name in enumerate(SOURCES):
        (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
        coded_image(name, number).save(tmp_path / "photos" / name / f"{number}.png")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two images a batch in CIFAR-10's own format; image i has class i."""
    base = root / CIFAR10.base_folder
    base.mkdir(parents=True)
    lists: dict[str, list[list[str]]] = {"train_list": [], "test_list": []}
    names = [f"data_batch_{number}" for number in range(1, 6)]
    for number, name in enumerate(names):
        labels = [2 * number, 2 * number + 1]
        images = [np.asarray(coded_image(POOL[label], label, 32)) for label in labels]
        planes = np.stack([image.transpose(2, 0, 1).ravel() for image in images])
        content = pickle.dumps({"data": planes, "labels": labels})
        (base / name).write_bytes(content)
        lists["train_list"].append([name, hashlib.md5(content).hexdigest()])
    content = pickle.dumps({"label_names": list(POOL)})
    (base / "batches.meta").write_bytes(content)
    meta = {"filename": "batches.meta", "key": "label_names"}
    monkeypatch.setattr(CIFAR10, "meta", {**meta, "md5": hashlib.md5(content).hexdigest()})
    for name, entries in lists.items():
        monkeypatch.setattr(CIFAR10, name, entries)


def run(name: str) -> dict[str, Any]:
    """Run a block with p = 1, and return its variables."""
    code = BLOCKS[name].replace("p=0.5", "p=1.0")
    # timm's colour jitter is on unless it is told otherwise, and would change what colours say.
    code = code.replace("is_training=True,", "is_training=True, color_jitter=None,")
    variables: dict[str, Any] = {}
    exec(code, variables)
    return variables


def samples_of(train: Any) -> Iterator[tuple[torch.Tensor, Any]]:
    """Go through a dataset or a loader once: images or batches, with their labels."""
    is_dataset = hasattr(train, "__getitem__")
    for sample in (train[index] for index in range(len(train))) if is_dataset else train:
        if isinstance(sample, dict):
            image = next(sample[key] for key in ("image", "pixel_values") if key in sample)
            yield image, next(sample[key] for key in ("label", "labels") if key in sample)
        else:
            yield sample[0], sample[1]


def check(images: torch.Tensor, labels: Any, frame: Frame) -> torch.Tensor:
    """Compare images with their labels by colour; returns the share of negatives in each."""
    mean, std = (torch.tensor(values)[:, None, None] for values in frame.normal)
    assert isinstance(images, torch.Tensor)
    pixels = images.float() * std + mean if images.is_floating_point() else images / 255
    pixels = pixels.reshape(-1, *pixels.shape[-3:])
    truth = torch.as_tensor(labels)
    truth = truth.reshape(-1) if not truth.is_floating_point() else truth
    reds = torch.tensor([red_of(name) / 255 for name in frame.names])
    if truth.is_floating_point():  # mixed: the mean of red is the mean of the classes' reds
        weights = (truth.float() - frame.smoothing / len(reds)) / (1 - frame.smoothing)
        expected = weights @ reds
    else:
        expected = reds[truth]
        pixels = pixels[..., 6:-6, 6:-6]  # what padding did not touch
    colours = pixels.mean((-2, -1))
    torch.testing.assert_close(colours[:, 0], expected, atol=0.012, rtol=0)
    return colours[:, 2]


def test_every_block_is_tested() -> None:
    assert set(BLOCKS) == {*FRAMES, *OTHERS}


@pytest.mark.parametrize("name", FRAMES)
def test_blocks_replace_and_labels_are_true(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "CIFAR-10":
        write_coded_bank(folder / "cifar-bank", POOL[::-1], POOL, size=32)
        write_cifar(folder / "data", monkeypatch)
    variables = run(name)
    if name == "Lightning":
        fit_lightning(variables)
    frame = FRAMES[name]
    negatives = [check(images, labels, frame) for images, labels in samples_of(variables["train"])]
    shares = torch.cat(negatives)
    assert float(shares.mean()) == pytest.approx(frame.share, abs=0.01)
    if "genie" in variables and name != "Hugging Face `map`":  # whose processes keep their counters
        counters = variables["genie"].counters
        assert counters.replaced == counters.seen >= len(shares)
        assert (counters.unknown, counters.missing) == (0, 0)
    if name == "Exact shares of each batch":  # of every one, and every photograph once
        assert [len(batch) for batch in negatives] == [3, 3, 3]
        assert all(float(batch.sum()) == pytest.approx(1, abs=0.01) for batch in negatives)


def test_processes_of_map_draw_different_numbers(folder: Path) -> None:
    variables = run("Hugging Face `map`")
    genie, options = variables["genie"], variables["options"]
    genie.p = 0.5
    same = variables["photos"].select([0] * 32)
    drawn = same.map(variables["augment"], **options, batch_size=8, new_fingerprint="32")
    blue = np.array([np.asarray(image)[0, 0, 2] for image in drawn["image"]])
    batches = {tuple(batch) for batch in (blue > 0).reshape(4, 8).tolist()}
    assert len(batches) == 4  # two of each process
    again = same.map(variables["augment"], **options, batch_size=8, new_fingerprint="again")
    assert [image.tobytes() for image in again["image"]] == [i.tobytes() for i in drawn["image"]]


def test_map_keeps_nothing_for_another_transform(folder: Path) -> None:
    code = BLOCKS["Hugging Face `map`"]
    kept = {}
    for p in ("0.0", "1.0"):
        variables: dict[str, Any] = {}
        exec(code.replace("p=0.5", f"p={p}"), variables)
        kept[p] = variables["train"].cache_files[0]["filename"]
    assert kept["0.0"] != kept["1.0"]


def fit_lightning(variables: dict[str, Any]) -> None:
    """Train what the block of Lightning prepared, and say what it trained on."""
    from pytorch_lightning import LightningModule

    batches: list[Any] = []

    class Model(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(3, 3)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            batches.append((batch[0].clone(), batch[1].clone()))
            logits = self.head(batch[0].mean((-2, -1)))
            return torch.nn.functional.cross_entropy(logits, batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    with warnings.catch_warnings():  # Lightning's, of few workers and of torch's next version
        warnings.simplefilter("ignore")
        variables["trainer"].fit(Model(), variables["data"])
    variables["genie"] = variables["data"].genie
    assert variables["genie"]._chooser.state.epoch == 1  # the callback said so
    assert len(batches) == 4
    variables["train"] = batches


def test_what_a_dataset_of_timm_would_lose(folder: Path) -> None:
    """The reason for the block: a transform that was set on timm's dataset is overwritten."""
    code = BLOCKS["timm"].replace("WithTransforms(photos, genie)", "photos")
    variables: dict[str, Any] = {}
    exec(code.replace("train =", "photos.transform = genie\ntrain ="), variables)
    for _ in variables["train"]:
        pass
    assert variables["genie"].counters.seen == 0


def test_the_classes_of_timm_are_compared_with_the_banks(folder: Path) -> None:
    """Without `classes=`, numbers of another order would be taken for the bank's."""
    code = BLOCKS["timm"].replace(", classes=names", "")
    with pytest.raises(UserError, match=r"\[bird, cat, dog\], are not those of the bank"):
        exec(code, {})


def test_labels_that_change(folder: Path) -> None:
    variables = run("Labels that change")
    row_of = {image.seed: image for image in variables["bank"]}
    for index, (image, label) in enumerate(variables["train"]):
        red, green, blue = (round(float(value) * 255) for value in image[:, 0, 0])
        row = row_of[green]
        own, target = SOURCES[int(row.source_id.split(".")[0])], BANK_ORDER[row.label]
        assert blue == 255
        assert red == red_of(target)
        assert own == NAMES[variables["photos"].targets[index]]
        expected = torch.zeros(3)
        expected[NAMES.index(own)], expected[NAMES.index(target)] = 0.4, 0.6
        assert torch.allclose(label, expected)
    assert variables["genie"].counters.replaced == 6


def train_in_process(rank: int, code: str, port: int) -> None:
    """Run the block of DDP as `torchrun` would, and write down what it saw."""
    world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    os.environ.update(world, RANK=str(rank))
    torch.set_num_threads(1)
    seen: list[Any] = []
    variables: dict[str, Any] = {"seen": seen}
    exec(code.replace("pass  # a step", "seen.append((epoch, images, labels))"), variables)
    torch.save((seen, variables["counts"]), f"seen-{rank}.pt")


def test_several_processes(folder: Path) -> None:
    code = BLOCKS["Several processes (DDP)"].replace("p=0.5", "p=1.0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start_processes(train_in_process, (code, port), nprocs=2, start_method="fork")
    results = [torch.load(folder / f"seen-{rank}.pt") for rank in range(2)]
    batches = [batch for seen, _ in results for batch in seen]
    for epoch in range(2):
        own = [(images, labels) for number, images, labels in batches if number == epoch]
        for images, labels in own:
            assert check(images, labels, Frame()).tolist() == [1, 1, 1]
        labels = torch.cat([labels for _, labels in own])
        assert labels.sort().values.tolist() == [0, 0, 1, 1, 2, 2]  # each photograph once
    assert [counts.tolist() for _, counts in results] == [[12, 12, 0, 0]] * 2
