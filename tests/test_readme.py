"""The code of the README and of the examples runs, and the README's commands exist."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from tests.banks import CLASSES, all_pairs, source_image, write_bank

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = (ROOT / "docs" / "examples.md").read_text()
CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse"]
CIFAR_CLASSES += ["ship", "truck"]


def python_blocks(text: str) -> dict[str, str]:
    """Give the blocks of code, named by the heading above them and their number."""
    blocks: dict[str, str] = {}
    heading = ""
    for match in re.finditer(r"^## (.*?)$|```python\n(.*?)```", text, re.DOTALL | re.MULTILINE):
        if match[1] is None:
            blocks[f"{heading} {len(blocks)}"] = match[2]
        else:
            heading = match[1]
    return blocks


BLOCKS = {f"README {name}": code for name, code in python_blocks(README).items()}
BLOCKS |= python_blocks(EXAMPLES)


def test_all_code_is_found() -> None:
    assert README.count("```python") + EXAMPLES.count("```python") == len(BLOCKS)
    assert len(python_blocks(EXAMPLES)) == 7


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with images and their banks."""
    names = sorted(CLASSES)  # as ImageFolder has them
    write_bank(tmp_path / "genie-bank", class_names=names)
    for index in range(6):
        folder = tmp_path / "photos" / names[index % 3]
        folder.mkdir(parents=True, exist_ok=True)
        source_image(index).save(folder / f"{index}.png")
    write_bank(tmp_path / "cifar-bank", all_pairs(10, 10, 32), class_names=CIFAR_CLASSES)
    _write_cifar(tmp_path / "data", monkeypatch)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two images a batch in CIFAR-10's own format; image i has class i."""
    base = root / CIFAR10.base_folder
    base.mkdir(parents=True)
    lists: dict[str, list[list[str]]] = {"train_list": [], "test_list": []}
    names = [f"data_batch_{number}" for number in range(1, 6)]
    for number, name in enumerate([*names, "test_batch"]):
        labels = [2 * number, 2 * number + 1]
        planes = [np.asarray(source_image(i, 32)).transpose(2, 0, 1).ravel() for i in labels]
        content = pickle.dumps({"data": np.stack(planes), "labels": labels})
        (base / name).write_bytes(content)
        entry = [name, hashlib.md5(content).hexdigest()]
        lists["train_list" if name in names else "test_list"].append(entry)
    content = pickle.dumps({"label_names": CIFAR_CLASSES})
    (base / "batches.meta").write_bytes(content)
    meta = {"filename": "batches.meta", "key": "label_names"}
    monkeypatch.setattr(CIFAR10, "meta", {**meta, "md5": hashlib.md5(content).hexdigest()})
    for name, entries in lists.items():
        monkeypatch.setattr(CIFAR10, name, entries)


def _images(train: Any) -> Iterator[Any]:
    """Go through a dataset or a loader once, giving its images or batches of them."""
    samples = (
        (train[index] for index in range(len(train))) if hasattr(train, "__getitem__") else train
    )
    for sample in samples:
        yield sample["image"] if isinstance(sample, dict) else sample[0]


# timm leaves the files that it reads to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("name", BLOCKS)
def test_python_blocks_run(name: str, folder: Path) -> None:
    names: dict[str, Any] = {}
    exec(BLOCKS[name], names)
    for image in _images(names["train"]):
        assert isinstance(image, torch.Tensor)
        assert image.is_floating_point()
    if "genie" in names:
        counters = names["genie"].counters
        assert counters.seen >= 6
        assert (counters.unknown, counters.missing) == (0, 0)


def test_the_examples_replace_images(folder: Path) -> None:
    code = BLOCKS["`ImageFolder` 0"].replace("p=0.5", "p=1")
    names: dict[str, Any] = {}
    exec(code, names)
    for index, (image, label) in enumerate(names["train"]):
        row = round(float(image[0, 0, 0]) * 255)
        assert names["genie"].bank[row].label == label == index // 2


def test_the_first_commands_are_demo_and_test() -> None:
    shell = re.search(r"```bash\n(.*?)```", README, re.DOTALL)
    assert shell
    commands = [line.split("#")[0].strip() for line in shell[1].splitlines()]
    assert commands == ["make demo", "make test"]


def test_pictures_of_the_readme_exist() -> None:
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).is_file(), path
